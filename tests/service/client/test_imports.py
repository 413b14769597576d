"""An experiment's program pays for what it uses, and for nothing else."""

import json
import subprocess
import sys

HEAVY = ("fastapi", "starlette", "pydantic", "numpy", "scipy", "torch", "onnxruntime", "pylsl",
         "nicegui", "sqlalchemy", "structlog", "httpx")  # fmt: skip
PROBE = """
import json, sys
import hadua.service.client
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""


def test_the_client_imports_nothing_that_serves_or_computes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *HEAVY], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
