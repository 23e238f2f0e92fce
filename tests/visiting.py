"""Going to a page of the dashboard, once more where the browser gave up what it was fetching."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

DRAWN = "[data-testid=stMain] [data-testid=stElementContainer]"
PATIENCE_MS = 30_000


def visit(page: "Page", address: str) -> None:
    """Open an address and wait until something of the page is drawn.

    Chromium drops every fetch, those on this machine too, when an interface of the machine comes
    or goes (ERR_NETWORK_CHANGED), and Streamlit does not ask again. A person would load the page
    again, and so does this, once.
    """
    page.goto(address)
    try:
        page.locator(DRAWN).first.wait_for(timeout=PATIENCE_MS)
    except Exception:
        print(f"nothing was drawn at {address}; it is loaded again", file=sys.stderr)
        page.reload()
        page.locator(DRAWN).first.wait_for(timeout=PATIENCE_MS)
