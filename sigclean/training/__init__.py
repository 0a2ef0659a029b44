"""Training of the four networks, as `train.py` runs it; cleaning needs nothing of this."""
