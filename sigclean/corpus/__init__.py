"""From clean signatures to training pairs: reading, placing, splitting and preparing them."""
