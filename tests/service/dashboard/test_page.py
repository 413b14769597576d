"""What the server has to do with the page: hand out files, and nothing else."""

import asyncio
import re
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI

from hadua.service.dashboard.page import FOLDER, PAGES, charts_folder, install

SVG = "http://www.w3.org/2000/svg"


class Client:
    """Asks an application without a server."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, address: str) -> httpx.Response:
        return asyncio.run(self._get(address))

    async def _get(self, address: str) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return await client.get(address)


@pytest.fixture
def client() -> Client:
    app = FastAPI()
    install(app, title="Booth <3>")
    return Client(app)


def test_the_title_is_text_and_not_markup(client: Client) -> None:
    text = client.get("/").text
    assert "<title>Booth &lt;3&gt;</title>" in text
    assert "{{" not in text


def test_every_file_the_page_names_is_there(client: Client) -> None:
    asked = [
        name
        for address in PAGES
        for name in re.findall(r'(?:src|href)="(dashboard/[^"]+)"', client.get(f"/{address}").text)
    ]
    imported = [
        f"dashboard/{(path.parent / name).resolve().relative_to(FOLDER).as_posix()}"
        for path in FOLDER.rglob("*.js")
        for name in re.findall(r'(?:from |import\()"(\.[^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert {"dashboard/app.js", "dashboard/charts/index.js"} <= {*asked, *imported}
    for address in {*asked, *imported}:
        assert client.get(f"/{address}").status_code == 200, address


def test_each_page_leads_to_all_others_and_says_which_it_is(client: Client) -> None:
    for address, name in PAGES.items():
        text = client.get(f"/{address}").text
        links = re.findall(r'<a id="to-[a-z]+" href="\./([a-z]*)"', text)
        assert links == list(PAGES)
        assert re.findall(r'href="\./([a-z]*)" aria-current="page">([^<]+)', text) == [
            (address, name)
        ]


def test_a_browser_is_told_to_ask_nobody_else(client: Client) -> None:
    for address in (*(f"/{page}" for page in PAGES), "/dashboard/app.js"):
        policy = client.get(address).headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "http" not in policy


def test_no_file_names_another_machine() -> None:
    for path in [p for p in FOLDER.rglob("*") if p.suffix in (".js", ".css", ".html")]:
        text = path.read_text(encoding="utf-8").replace(SVG, "")  # a name; nobody is asked
        assert not re.search(r"https?://", text), path.name


def test_the_package_itself_is_not_handed_out(client: Client) -> None:
    for address in (
        "page.py",
        "__init__.py",
        "index.html",
        "../app.py",
        "%2e%2e/app.py",
        "pages/log.html",
    ):
        assert client.get(f"/dashboard/{address}").status_code == 404, address


def test_the_schema_and_its_page_stay_and_an_unknown_path_is_not_the_dashboard(
    client: Client,
) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}
    assert client.get("/docs").status_code == 200
    assert client.get("/api/v1/nothing").json() == {"detail": "Not Found"}


def test_two_applications_in_one_process_do_not_share_anything() -> None:
    pages = []
    for title in ("one", "two"):
        app = FastAPI()
        install(app, title=title)
        pages.append(Client(app).get("/").text)
    assert "<title>one</title>" in pages[0]
    assert "<title>two</title>" in pages[1]


def test_the_charts_are_found_without_importing_what_ships_them() -> None:
    assert charts_folder() is not None
    code = (
        "import sys; from fastapi import FastAPI; from hadua.service.dashboard.page import install;"
        "install(FastAPI()); sys.exit('nicegui' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
