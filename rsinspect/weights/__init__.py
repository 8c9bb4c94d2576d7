"""Weight files of Keras 2 and 3: what is in one, in which order, and which network it belongs to.

Needs h5py alone: no Keras and no framework is imported.
"""
