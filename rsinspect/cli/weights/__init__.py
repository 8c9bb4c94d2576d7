"""``rsinspect weights``: a module per command of the group."""
