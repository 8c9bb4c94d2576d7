"""Accuracy against what it costs: the Pareto front, and which network to choose."""
