"""Who asks: the account that this process runs under."""

import getpass
import os


def account_name() -> str:
    """The name of the account, or ``user 1000`` where its number has no name.

    >>> account_name() != ""
    True
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that no account has
        return f"user {os.getuid()}"
