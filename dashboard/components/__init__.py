"""Parts of pages: each draws one thing and, where it asks, returns the answer."""
