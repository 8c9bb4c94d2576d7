"""Measured latency: statistics, the record of a run, a parent without frameworks, a worker."""
