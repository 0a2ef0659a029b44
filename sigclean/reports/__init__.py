"""HTML pages and charts shared by training and evaluation."""
