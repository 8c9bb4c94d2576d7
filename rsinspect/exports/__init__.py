"""A network as a file for another runtime, opened there again and compared."""
