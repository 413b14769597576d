"""The operator's handbook, word for word, as somebody follows it who has never seen HADUA."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from support.serving import process
from websockets.asyncio.client import connect

ROOT = Path(__file__).parents[2]
HANDBOOK = (ROOT / "docs" / "handbook.md").read_text(encoding="utf-8")
THREE_MINUTES_S = 180.0


def section(number: int) -> str:
    """One section of the handbook."""
    (text,) = re.findall(
        rf"^## {number} · .*?\n(.*?)(?=^## |\Z)", HANDBOOK, re.DOTALL | re.MULTILINE
    )
    return str(text)


def typed(text: str) -> list[str]:
    """What stands in the last shell block: of the installation, the one for Linux and macOS."""
    block = re.findall(r"^( *)```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)[-1][1]
    return [line.strip() for line in block.splitlines() if line.strip()]


async def first_prediction(url: str) -> dict[str, object]:
    async with connect(f"{url.replace('http', 'ws')}/api/v1/ws") as socket:
        while True:
            frame: dict[str, object] = json.loads(await socket.recv())
            if frame["type"] == "prediction":
                return frame


def answered(command: list[str]) -> dict[str, object]:
    """The page, and the first prediction, of a service that is started as the handbook says."""
    with process([*command, "--port", "0"]) as service:  # 8000 may be taken here
        url = re.sub(r"hadua is ready: ", "", service.line(timeout_s=THREE_MINUTES_S))
        assert "Current answer" in httpx.get(url).text
        return asyncio.run(asyncio.wait_for(first_prediction(url), THREE_MINUTES_S))


def test_what_the_handbook_says_to_type_leads_to_a_prediction_in_an_empty_folder() -> None:
    (line,) = typed(section(2))
    assert "http://127.0.0.1:8000" in section(2)
    program, *flags = line.split()

    frame = answered([str(Path(sys.executable).with_name(program)), *flags])

    assert frame["label"] in ("negative", "neutral", "positive")


@pytest.mark.soak
def test_from_an_empty_folder_to_a_prediction_within_three_minutes(tmp_path: Path) -> None:
    """With the installation, as fast as the network gives the packages."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    if not listed:
        pytest.skip("no checkout to copy")
    folder = tmp_path / "hadua"
    for name in listed.rstrip("\0").split("\0"):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, place)
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("VIRTUAL_ENV", "HADUA"))
    }
    begun_s = time.monotonic()
    subprocess.run(
        ["bash", "-e"], input="\n".join(typed(section(1))), text=True, cwd=folder,
        env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    program, *flags = typed(section(2))[0].split()

    frame = answered([str(folder / ".venv" / "bin" / program), *flags])

    assert frame["type"] == "prediction"
    assert time.monotonic() - begun_s < THREE_MINUTES_S
