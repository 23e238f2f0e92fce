"""Going to a page of the dashboard, and what to look at where it does not come."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

DRAWN = "[data-testid=stMain] [data-testid=stElementContainer]"
PATIENCE_MS = 30_000


def visit(page: "Page", address: str) -> None:
    """Open an address and wait until something of the page is drawn.

    On a machine that is busy with other tests a browser now and then never gets its first
    answer over the socket; a person would load the page again, and so does this, once, and says
    what it saw.
    """
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    page.goto(address)
    try:
        page.locator(DRAWN).first.wait_for(timeout=PATIENCE_MS)
    except Exception:
        body = page.locator("body").inner_html()
        print(f"nothing was drawn at {address}\n{body[:4000]}\n", *said[-20:], file=sys.stderr)
        page.reload()
        page.locator(DRAWN).first.wait_for(timeout=PATIENCE_MS)
