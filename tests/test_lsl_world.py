"""The configuration that conftest writes is in force: runs side by side do not meet."""

import os
from pathlib import Path

import pylsl
from support.lsl_outlets import IndexOutlet


def test_streams_are_those_of_this_run(unique: str) -> None:
    wanted = Path(os.environ["LSLAPICFG"]).read_text(encoding="utf-8")
    outlet = IndexOutlet(f"world{unique}", source_id=unique)

    found = pylsl.resolve_byprop("source_id", unique, minimum=1, timeout=5.0)

    assert [f"SessionID = {info.session_id()}\n" in wanted for info in found] == [True]
    assert outlet.sent == 0
