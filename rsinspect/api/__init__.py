"""The door for Python: functions that answer, and answers that show themselves."""
