"""A notebook's code as a script: what a kernel would run, cell by cell."""

import json
from pathlib import Path


def code_of(notebook: Path) -> str:
    """All code cells, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
