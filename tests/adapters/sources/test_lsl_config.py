"""`lsl_api.cfg` is read as liblsl reads it: liblsl itself is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hadua.adapters.sources.lsl_config import (
    LslConfig,
    LslConfigError,
    candidates,
    find_config,
    parse_config,
)

LAB = "[lab]\nSessionID = abc\n"
TAKEN = [
    LAB,
    LAB.replace("\n", "\r\n"),
    LAB.replace(" = ", "="),
    "[lab] behind\nSessionID = abc",
    f"; a comment\n\n  \n{LAB}",
    f"{LAB}# KnownPeers = {{a}}\n",
    f"{LAB}[ports]\nPortRange = many\nAllowRandomPorts = maybe\n",
    f"{LAB}[else]\nkey = value\n",
]
PASSED_OVER = ["[Lab]\nSessionID = abc\n", "[lab]\nsessionid = abc\n", "SessionID = abc\n"]
DROPPED = [
    f"\ufeff{LAB}",
    f"# a comment\n{LAB}",
    f" ; a comment\n{LAB}",
    f"{LAB}SessionID = d\n",
    "[lab\nSessionID = abc\n",
    f" {LAB}",
    "[lab]\nSessionID = \n",
    f"{LAB}just words\n",
    f"{LAB}[ports]\nIPv6 = yes\n",
    f"{LAB}[multicast]\nResolveScope = Site\n",
    f"{LAB}[log]\nlevel = 20\n",
]
ASK = """
import json, os, sys, pylsl
out = pylsl.StreamOutlet(pylsl.StreamInfo("x", "y", 1, 1, "float32", "z"))
sys.stdout.write(out.get_info().session_id())
"""


def liblsls_session(path: Path) -> str:
    environment = {**os.environ, "LSLAPICFG": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def ours(text: str) -> str:
    """The SessionID in force; that of the defaults for a file that is dropped."""
    try:
        return parse_config(text.encode()).session_id
    except LslConfigError:
        return LslConfig().session_id


def test_liblsl_agrees_about_what_it_takes_and_what_it_drops(tmp_path: Path) -> None:
    """One process for all would be quicker, but liblsl reads its file once."""
    for i, text in enumerate([TAKEN[3], TAKEN[5], PASSED_OVER[0], *DROPPED[:4], DROPPED[9]]):
        path = tmp_path / f"{i}.cfg"
        path.write_text(text, encoding="utf-8", newline="")
        assert ours(text) == liblsls_session(path), json.dumps(text)


@pytest.mark.parametrize("text", TAKEN)
def test_a_file_that_is_taken(text: str) -> None:
    assert parse_config(text.encode()).session_id == "abc"


@pytest.mark.parametrize("text", PASSED_OVER)
def test_what_is_written_another_way_is_passed_over_and_said(text: str) -> None:
    config = parse_config(text.encode())
    assert config.session_id == "default"
    assert len(config.oddities) == 1


@pytest.mark.parametrize("text", DROPPED)
def test_a_file_that_is_dropped_says_where(text: str) -> None:
    with pytest.raises(LslConfigError, match=r"line \d+: got|expected"):
        parse_config(text.encode())


def test_a_byte_order_mark_is_named() -> None:
    with pytest.raises(LslConfigError, match=r"line 1: got .*byte order mark"):
        parse_config(f"\ufeff{LAB}".encode())


def test_everything_that_is_read() -> None:
    text = (
        "[ports]\nMulticastPort = 1\nBasePort = 2\nPortRange = 64\n[multicast]\nResolveScope = link"
        "\n[lab]\nKnownPeers = {10.0.0.1, booth-2 , }\nSessionID = lab A\n"
    )
    assert parse_config(text.encode()) == LslConfig(
        session_id="lab A",
        known_peers=("10.0.0.1", "booth-2"),
        multicast_port=1,
        base_port=2,
        port_range=64,
        scope="link",
    )


@pytest.mark.parametrize(
    ("text", "oddity"),
    [
        ("[lab]\nKnownPeers = 10.0.0.1\n", r"has no braces and is ignored: {10.0.0.1}"),
        ("[lab]\nSessionID = a ; mine\n", r"part of the value: lab.SessionID = a ; mine"),
        ("[lab]\nKnownpeers = {a}\n", r"lab.Knownpeers is passed over: it is written lab.KnownP"),
        ("[lab]\nPeers = {a}\n", r"lab.Peers is not a key that liblsl knows"),
        ("[ports]\nBasePort = high\n", r"ports.BasePort is not a number: high"),
    ],
)
def test_what_means_something_else_than_it_seems_to(text: str, oddity: str) -> None:
    (found,) = parse_config(text.encode()).oddities
    assert oddity in found


def test_the_files_and_their_order() -> None:
    here = Path("/study")
    assert candidates({}, folder=here) == (
        here / "lsl_api.cfg",
        Path("/etc/lsl_api/lsl_api.cfg"),
    )
    named = {"LSLAPICFG": "/x.cfg", "USERPROFILE": "/users/me"}
    assert candidates(named, folder=here)[0] == Path("/x.cfg")
    assert candidates(named, folder=here)[2] == Path("/users/me/lsl_api/lsl_api.cfg")


def test_the_first_that_is_understood_wins() -> None:
    a, b, c, d = (Path(name) for name in "abcd")
    files = {b: b"oops", c: LAB.encode(), d: b"[lab]\nSessionID = never\n"}

    found = find_config((a, b, c, d), files.get)

    assert (found.path, found.config.session_id, found.shadowed) == (c, "abc", (d,))
    assert [path for path, _ in found.dropped] == [b]


def test_without_a_file_the_defaults_hold() -> None:
    found = find_config((Path("a"),), lambda _: None)
    assert (found.path, found.config) == (None, LslConfig())
