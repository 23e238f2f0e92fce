"""TLS of the sinks that connect somewhere."""

import ssl
from collections.abc import Mapping
from typing import Any

from edgeguard_core.errors import OutputError

TLS_KEYS = ("ca", "cert", "key")


def client_context(settings: Mapping[str, Any]) -> ssl.SSLContext:
    """A context that checks the receiver's certificate and name.

    ``ca`` is a file of authorities instead of the system's; ``cert`` and ``key`` are what this
    box shows of itself.

    Raises
    ------
    OutputError
        If a file is missing or holds something else, or ``key`` comes without ``cert``.
    """
    ca, cert, key = (settings.get(name) for name in TLS_KEYS)
    if key is not None and cert is None:
        raise OutputError("key is given without cert; give both, or the key inside of cert.")
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        if cert is not None:
            context.load_cert_chain(str(cert), None if key is None else str(key))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(name) for name in (ca, cert, key) if name is not None)
        raise OutputError(
            f"The certificates in {files} cannot be used ({error}); give PEM files."
        ) from error
    return context


def refuse_tls_keys(settings: Mapping[str, Any], address: str) -> None:
    """Say so where certificates are given for a connection without TLS.

    Raises
    ------
    OutputError
        If any is.
    """
    given = [name for name in TLS_KEYS if settings.get(name) is not None]
    if given:
        raise OutputError(f"{given[0]} is given, but {address} does not use TLS; leave it out.")
