"""Networks as frozen TensorFlow graphs: written, read and looked into."""
