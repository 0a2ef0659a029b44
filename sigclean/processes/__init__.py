"""Help for work in several processes of one machine."""
