"""Find the signatures of a document's pages, and clean each at full resolution."""
