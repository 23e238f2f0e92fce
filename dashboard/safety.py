"""Where the dashboard may listen: this machine only, unless somebody says otherwise."""

import gc
import importlib
import ipaddress
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

ALLOW_REMOTE = "EDGEGUARD_ALLOW_REMOTE"


def unsafe_address_sentence(address: str | None, allowed: str | None) -> str | None:
    """Why this address is refused, or None when it is fine.

    Parameters
    ----------
    address
        What the server will bind to; None stands for every interface.
    allowed
        The value of ``EDGEGUARD_ALLOW_REMOTE``; only ``1`` allows.

    Examples
    --------
    >>> unsafe_address_sentence("127.0.0.1", None) is None
    True
    >>> print(unsafe_address_sentence("0.0.0.0", None))
    The dashboard would listen on 0.0.0.0, where other machines can reach it without a \
password: start it from the project's root, or with --server.address 127.0.0.1, or set \
EDGEGUARD_ALLOW_REMOTE=1 when something in front of it asks who is there.
    """
    if allowed == "1" or _is_loopback(address):
        return None
    place = address or "every network interface"
    return (
        f"The dashboard would listen on {place}, where other machines can reach it without a "
        "password: start it from the project's root, or with --server.address 127.0.0.1, or set "
        f"{ALLOW_REMOTE}=1 when something in front of it asks who is there."
    )


def _is_loopback(address: str | None) -> bool:
    if not address:
        return False
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


@asynccontextmanager
async def ready_or_refused(_app: st.App) -> AsyncIterator[dict[str, Any] | None]:
    """Lifespan of the server: an unsafe address ends it with status 2 before anyone connects."""
    sentence = unsafe_address_sentence(
        st.get_option("server.address"), os.environ.get(ALLOW_REMOTE)
    )
    if sentence is not None:
        print(sentence, file=sys.stderr, flush=True)
        # Raising here would bury the sentence under the server's own traceback.
        os._exit(2)
    # The first visitor need not wait for libraries, nor for the demo.
    threading.Thread(target=_warm_up, daemon=True).start()
    yield None


def _warm_up() -> None:
    for page in ("verdicts", "live_page"):
        importlib.import_module(f"dashboard.components.{page}")
    importlib.import_module("dashboard.demo").prepare()
    # Streamlit collects garbage after every run of a page, all of it. What the libraries made is
    # there for good: set aside, it is not looked through again, which takes a tenth of a second.
    gc.collect()
    gc.freeze()
