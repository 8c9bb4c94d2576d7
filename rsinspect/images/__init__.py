"""Photographs, and what is done to them before a network sees them. No framework, no network."""
