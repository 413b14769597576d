import socket
from contextlib import closing

from hadua.service.listener import listen


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    with closing(listen("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=5.0)
        accepted, _ = listener.accept()
        with client, accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
