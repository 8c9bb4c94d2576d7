"""Pages that explain networks."""
