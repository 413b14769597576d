"""The page at `/`: files that the browser asks for once; it then talks to the contract itself.

Nothing here runs per prediction. The chart library is the one inside NiceGUI's wheel, found
without importing NiceGUI (see docs/decisions/0001-dashboard.md).
"""

import html
import logging
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
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
    """Serve the dashboard at `/` and its files under `/dashboard/`; neither is in the schema.

    Args:
        app: The service; the page reads its `/api/v1`.
        title: Name of the page, plain text.
    """
    page = _render(title)

    @app.get("/", include_in_schema=False)
    async def dashboard() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    charts = charts_folder()
    if charts is None:
        logger.warning("the chart library of NiceGUI was not found: the page shows no chart")
    else:
        app.mount("/dashboard/charts", StaticFiles(directory=charts), name="dashboard-charts")
    app.mount("/dashboard", _PageFiles(directory=FOLDER), name="dashboard")


def charts_folder() -> Path | None:
    """Where NiceGUI keeps its build of ECharts; None where it is not installed or has moved."""
    spec = find_spec("nicegui")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "elements" / "echart" / "dist"
    return folder if (folder / CHARTS_ENTRY).is_file() else None


def _render(title: str) -> str:
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    return text.replace("{{ title }}", html.escape(title))


class _PageFiles(StaticFiles):
    """The page's own files and nothing else of the package, asked for anew after an update."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if Path(path).suffix not in _SUFFIXES:
            return Response(status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response
