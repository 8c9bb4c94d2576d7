"""Answers as values: tables, charts and documents."""
