"""EdgeGuard: learn what is normal on your network, and see what is not."""

__version__ = "0.1.0"
