"""Flows counted for drift: in the bins of a bundle, of a file or of an hour of a watch."""
