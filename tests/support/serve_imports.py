"""Run the demo until it answers; say which heavy packages it imported, and how it runs."""

import json
import sys
import threading
import urllib.request
from pathlib import Path

from hadua.service import server
from hadua.service.cli import serve

HEAVY = ("torch", "scipy", "mne", "pandas", "nicegui", "onnx", "alembic", "rich")


class Watched(server.Server):
    """A server that is looked at from a thread once it runs, and then leaves."""

    async def main_loop(self) -> None:
        listener = self.servers[0].sockets[0].getsockname()
        thread = threading.Thread(target=self.look, args=(f"http://127.0.0.1:{listener[1]}",))
        thread.start()
        await super().main_loop()
        thread.join()

    def look(self, url: str) -> None:
        wait = threading.Event()
        while b'"predictions":[{' not in self._ask(f"{url}/api/v1/sessions/demo/predictions"):
            wait.wait(0.1)
        self._ask(url)
        self.request_exit()

    @staticmethod
    def _ask(url: str) -> bytes:
        with urllib.request.urlopen(url, timeout=5.0) as answer:
            body = answer.read()
        assert isinstance(body, bytes)
        return body


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    server.Server = Watched  # type: ignore[misc]
    code = serve.run({"demo": True, "port": 0}, config=None)
    heavy = sorted(name for name in HEAVY if name in sys.modules)
    found = {"heavy": heavy, "rss_mb": rss_mb(), "switch_s": sys.getswitchinterval()}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(code)
