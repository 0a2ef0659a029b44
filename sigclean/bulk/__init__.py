"""Clean many pictures: jobs, threads and batches, the manifest, shards."""
