"""Whatever is read from outside, tried: every reader of one list, with what anybody could give."""
