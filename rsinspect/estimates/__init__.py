"""Latencies that were not measured, from a few that were."""
