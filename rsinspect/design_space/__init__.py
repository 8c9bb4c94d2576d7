"""The design space: depth x width x resolution, and what every point of it costs."""
