"""Training pairs from clean signatures: reading, placing, splitting and preparing them."""
