"""Many measurements: a list of cells, and who carries it out."""
