"""Two measurements, or two networks measured in turns: which is faster, by how much, how sure."""
