"""The command line: one module per command; parse, ask, render, exit code."""
