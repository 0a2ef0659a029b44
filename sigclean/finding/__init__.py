"""Finds the signatures on a page: proposes candidates, measures each, and judges them."""
