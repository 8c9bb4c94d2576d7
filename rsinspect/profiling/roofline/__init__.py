"""What a machine can do at best, and how near the parts of a network came to it."""
