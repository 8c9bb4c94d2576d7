"""The graph as a Keras model: building, the drop-in applications, published weights."""
