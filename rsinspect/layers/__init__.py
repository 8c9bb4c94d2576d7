"""The layer graph, and what follows from it alone."""
