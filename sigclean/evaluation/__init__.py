"""Measures how well a model cleans, and reports it: cases, figures, verification, pages."""
