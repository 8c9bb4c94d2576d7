"""Weight files and networks: in which order a file has its weights, and which network it is of.

Needs h5py alone: no Keras and no framework is imported.
"""
