"""Growing logs and standard input: any text that is read as a file, while it is written."""

from edgeguard_core.sources.tail.feeds import StdinFeed, TailFeed
from edgeguard_core.sources.tail.whole_file import FileFeed

__all__ = ["FileFeed", "StdinFeed", "TailFeed"]
