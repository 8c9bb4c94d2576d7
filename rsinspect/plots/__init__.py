"""Plots of runs and of charts: SVG, PDF and PNG, drawn with matplotlib as the pen."""
