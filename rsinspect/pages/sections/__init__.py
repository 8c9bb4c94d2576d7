"""The sections of a report, a module each with a function ``section``."""
