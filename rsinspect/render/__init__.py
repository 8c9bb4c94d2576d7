"""Tables made visible: for people (console) and for programs (data)."""
