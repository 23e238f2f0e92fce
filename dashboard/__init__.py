"""The dashboard: pages that load state, call the core and draw."""
