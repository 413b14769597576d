"""docs/devices.md names every device preset."""

import re
from pathlib import Path

from hadua.adapters.devices.preset_library import presets

TEXT = (Path(__file__).parents[1] / "docs" / "devices.md").read_text(encoding="utf-8")


def test_every_preset_is_in_the_table() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])}
    assert named == set(presets())
