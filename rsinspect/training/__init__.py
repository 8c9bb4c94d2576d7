"""Train and fine-tune ResNet-RS as published: values with their sources, and objects on Keras 3.

``recipe`` and ``fine_tuning`` hold what was published or chosen, plain Python; ``script`` writes
either as a program to run and change; ``objects`` makes the same as Keras objects. The program and
the objects are made of the same parts: ``schedule`` (learning rates), ``start`` (fresh weights),
``decay`` (of weights), ``augmentation`` and ``pictures`` (images by Pillow, so that no framework
but the chosen backend is loaded), on TensorFlow, JAX and PyTorch.
"""
