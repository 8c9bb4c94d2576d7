"""What a network says is in a photograph."""
