"""What ships: a model and all it needs, saved whole and verified before use."""
