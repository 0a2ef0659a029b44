"""The Hugging Face Hub: where weights come from, and where they are published."""
