"""One thin script a page: load state, call pure functions, draw."""
