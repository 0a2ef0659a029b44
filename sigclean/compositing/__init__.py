"""Puts the result together: paper, pen and keep map become the clean picture."""
