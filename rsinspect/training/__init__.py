"""The training recipes of the paper as objects of Keras."""
