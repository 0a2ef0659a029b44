"""Where are the signatures on a page: candidates, what is measured of each, and their judge."""
