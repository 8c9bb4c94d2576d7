"""Two networks compared: what one has and the other has not, and what that costs."""
