"""The record of a measurement: what was run, where, how, and every sample."""
