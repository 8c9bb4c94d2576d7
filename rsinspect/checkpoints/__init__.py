"""Files that Keras wrote: what they hold, read as data; nothing from them is loaded or run.

Needs h5py at most, and only where the weights of a file are looked at.
"""
