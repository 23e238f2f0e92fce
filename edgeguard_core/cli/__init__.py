"""The ``edgeguard`` command: parse, call the library, print."""
