"""Training data: the sources of pictures, and the batches that are made of them."""
