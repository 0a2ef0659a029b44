"""Everything that watches a training: validation, guards, samples, history and trackers."""
