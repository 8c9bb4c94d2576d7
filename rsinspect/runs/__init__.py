"""Measurements that are kept: the store, tags, what goes out of it and comes in."""
