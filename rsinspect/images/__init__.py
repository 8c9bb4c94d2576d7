"""Photographs, and what a network is given of them."""
