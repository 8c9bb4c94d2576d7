"""The frameworks that run a network, each in a module of its own; imported in the worker alone."""
