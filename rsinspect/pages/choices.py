"""What people can choose of a report, by name."""

SECTIONS = (
    "facts", "differences", "figure", "graph", "tables", "weights", "latency", "paper", "families",
    "scaling", "provenance",
)  # fmt: skip
"""Sections of a page, in their order."""

MOST_SUBJECTS = 4
"""Networks that a page can show side by side."""

THEMES = ("auto", "light", "dark")
"""What a page looks like; ``auto`` follows the reader's system and has a switch."""
