"""Where alerts go: the records of a watch, the spool that keeps them, and the sinks."""
