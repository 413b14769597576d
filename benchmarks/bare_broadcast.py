"""The floor for `clients.py`: the same bytes to every socket, and nothing else.

    python benchmarks/bare_broadcast.py TEXT_BYTES [TIMES_A_SECOND]

Prints HOST:PORT. A frame is as long as one of the service, and says when it was sent.
"""

import json
import select
import socket
import struct
import sys
import time

RATE_HZ = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0


def frame(seq: int, n_bytes: int) -> bytes:
    said = {"type": "prediction", "seq": seq, "time_unix": time.time(), "rest": ""}
    said["rest"] = "x" * (n_bytes - len(json.dumps(said)))
    text = json.dumps(said).encode()
    return b"\x81" + struct.pack("!BH", 126, len(text)) + text


def accept(listener: socket.socket) -> socket.socket:
    client, _ = listener.accept()
    while b"\r\n\r\n" not in client.recv(4096, socket.MSG_PEEK):
        time.sleep(0.001)
    client.recv(4096)
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def main() -> None:
    n_bytes = int(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    host, port = listener.getsockname()
    print(f"{host}:{port}", flush=True)
    clients: list[socket.socket] = []
    seq, next_s = 0, time.monotonic()
    while True:
        seq, next_s = seq + 1, next_s + 1.0 / RATE_HZ
        while (left_s := next_s - time.monotonic()) > 0.0:
            if select.select([listener], [], [], left_s)[0]:
                clients.append(accept(listener))
        bytes_ = frame(seq, n_bytes)
        for client in clients:
            try:
                client.send(bytes_)
            except OSError:
                clients.remove(client)


if __name__ == "__main__":
    main()
