"""OSC: send every prediction to TouchDesigner, Max, SuperCollider, as /hadua/CLASS probability.

    python osc_bridge.py demo 127.0.0.1 9000

Needs `pip install python-osc`.
"""

import sys

from pythonosc.udp_client import SimpleUDPClient

from hadua.service.client import Client


def bridge(session: str, host: str, port: int, *, url: str = "http://127.0.0.1:8000") -> None:
    """Pass predictions on until the session is over."""
    with SimpleUDPClient(host, port) as osc, Client(url) as hadua:
        for prediction in hadua.predictions(session, policy="latest"):
            osc.send_message("/hadua/label", prediction.label or "")
            for name, p in (prediction.probabilities or {}).items():
                osc.send_message(f"/hadua/{name}", p)


if __name__ == "__main__":
    bridge(sys.argv[1], sys.argv[2], int(sys.argv[3]))
