"""The stages of the mission, each a function that a command, a page or a schedule can call."""
