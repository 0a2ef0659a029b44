"""Cleaning of many pictures: jobs, workers, the manifest and shards."""
