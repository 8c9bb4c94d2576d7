"""Weight files and networks: whose a file is, which tensor is which weight, and what they say.

No Keras and no framework is imported.
"""
