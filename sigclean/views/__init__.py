"""Decides which part of an input the network is shown, and how: without padding, with dark ink."""
