"""The live loop: flows in from a feed, verdicts and incidents out as records."""
