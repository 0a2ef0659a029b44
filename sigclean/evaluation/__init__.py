"""How well a model cleans, in figures: cases, scores, what is measured, and what is made of it."""
