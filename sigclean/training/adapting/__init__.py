"""Adapting the cleaner to a kind of document from scans of it alone, without any clean twin."""
