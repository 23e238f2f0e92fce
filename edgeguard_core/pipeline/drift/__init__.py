"""Drift: whether traffic is still what a bundle learned, without the flows it learned from."""
