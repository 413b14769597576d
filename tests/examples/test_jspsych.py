"""The jsPsych page in a browser: real jsPsych, real service, another origin."""

import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from support.browser import chromium
from support.npm import npm_package
from support.serving import serving

EXAMPLES = Path(__file__).parents[2] / "examples"
PARTS = {
    "jspsych.js": ("jspsych", "8.3.0", "dist/index.browser.js"),
    "jspsych.css": ("jspsych", "8.3.0", "css/jspsych.css"),
    "plugin-html-keyboard-response.js": (
        "@jspsych/plugin-html-keyboard-response", "2.2.0", "dist/index.browser.js",
    ),
}  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """The folder over HTTP, at a port of its own and therefore another origin than the service."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def experiment_folder(folder: Path, *, service: str) -> None:
    """The example as a lab would have it: jsPsych beside it, and the address of its service."""
    (folder / "jspsych").mkdir()
    for name, (package, version, path) in PARTS.items():
        shutil.copy(npm_package(package, version) / path, folder / "jspsych" / name)
    shutil.copy(EXAMPLES / "hadua.mjs", folder)
    page = (EXAMPLES / "jspsych.html").read_text(encoding="utf-8")
    assert "http://127.0.0.1:8000" in page
    changed = page.replace("http://127.0.0.1:8000", service).replace("3000", "700")
    (folder / "jspsych.html").write_text(changed, encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.browser
def test_an_experiment_marks_its_trials_and_keeps_the_emotion_at_the_end_of_each(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pages(tmp_path) as origin:
        monkeypatch.setenv("HADUA_ALLOWED_ORIGINS", f'["{origin}"]')
        with serving("--demo") as (_, url), httpx.Client(base_url=f"{url}/api/v1") as http_client:
            experiment_folder(tmp_path, service=url)
            while http_client.get("/sessions/demo").json()["status"]["predictions"] < 4:
                pass
            page = browser.new_page()
            faults: list[str] = []
            page.on("pageerror", lambda fault: faults.append(str(fault)))
            page.goto(f"{origin}/jspsych.html")
            shown = page.locator("#jspsych-data-display")
            expect(shown).to_contain_text('"emotion"', timeout=30_000)
            text = shown.inner_text()
            page.close()
            marked = http_client.get("/sessions/demo").json()["last_marker"]
    assert not faults
    assert text.count('"emotion": "') == 3
    assert marked["text"] == "word=library"
