"""Networks and those who make them."""
