"""The pages at `/`: files that the browser asks for once; it then talks to the contract itself.

Nothing here runs per prediction. The chart library is the one inside NiceGUI's wheel, found
without importing NiceGUI (see docs/decisions/0001-dashboard.md).
"""

import html
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
LIVE = ""
PAGES = {
    LIVE: "Live",
    "preflight": "Pre-flight",
    "participants": "Participants",
    "sessions": "Sessions",
    "calibration": "Calibration",
    "recordings": "Recordings",
    "fleet": "Fleet",
    "tokens": "Tokens",
    "settings": "Settings",
    "log": "Log",
}
"""Address of each page, and its name. All but the live one are `pages/ADDRESS.html` and `.js`."""
CHARTS_ENTRY = "index.js"
_SUFFIXES = frozenset({".css", ".js", ".svg"})
# Nothing leaves the machine, whatever a later edit of the page tries: the browser refuses it.
# The chart library styles its tooltip inline, hence the exception for styles.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'"
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def install(app: FastAPI, *, title: str = "HADUA") -> None:
    """Serve the dashboard's pages and their files under `/dashboard/`; none is in the schema.

    Args:
        app: The service; the page reads its `/api/v1`.
        title: Name of the pages, plain text.
    """
    for address in PAGES:
        app.add_api_route(
            f"/{address}", _answering(rendered(address, title=title)), include_in_schema=False
        )
    charts = charts_folder()
    if charts is None:
        logger.warning("the chart library of NiceGUI was not found: the page shows no chart")
    else:
        app.mount("/dashboard/charts", StaticFiles(directory=charts), name="dashboard-charts")
    app.mount("/dashboard", _PageFiles(directory=FOLDER), name="dashboard")


def rendered(address: str, *, title: str = "HADUA") -> str:
    """The HTML of one page: the live one has a frame of its own, the others share `frame.html`."""
    words = {"title": html.escape(title), "navigation": _navigation(address)}
    words |= {"sign-in": _read("sign-in.html"), "address": address, "name": PAGES[address]}
    if address == LIVE:
        return _filled("index.html", words)
    return _filled("frame.html", words | {"main": _read(f"pages/{address}.html")})


def charts_folder() -> Path | None:
    """Where NiceGUI keeps its build of ECharts; None where it is not installed or has moved."""
    spec = find_spec("nicegui")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "elements" / "echart" / "dist"
    return folder if (folder / CHARTS_ENTRY).is_file() else None


def _answering(text: str) -> Callable[[], Awaitable[Response]]:
    async def dashboard() -> Response:
        return HTMLResponse(text, headers=_HEADERS)

    return dashboard


def _navigation(current: str) -> str:
    links = "".join(_link(address, is_current=address == current) for address in PAGES)
    return f'<nav id="navigation" aria-label="Pages"><ul>{links}</ul></nav>'


def _link(address: str, *, is_current: bool) -> str:
    here = ' aria-current="page"' if is_current else ""
    return f'<li><a id="to-{address or "live"}" href="./{address}"{here}>{PAGES[address]}</a></li>'


def _filled(name: str, words: Mapping[str, str]) -> str:
    return re.sub(r"{{ ([a-z-]+) }}", lambda blank: words[blank[1]], _read(name))


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


class _PageFiles(StaticFiles):
    """The page's own files and nothing else of the package, asked for anew after an update."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if Path(path).suffix not in _SUFFIXES:
            return Response(status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response
