"""Logs that grow and standard input: any text format that is read as a file, while it is written."""

from edgeguard_core.sources.tail.feeds import StdinFeed, TailFeed

__all__ = ["StdinFeed", "TailFeed"]
