"""The losses of CycleGAN, the loss on pairs, and the pool of generated pictures."""
