"""Synthesised traffic: an office or a smart home, and attacks laid into it or into one's own."""
