"""Where those that follow come from, on Linux: a process that forks.

`python -m hadua.service.learning.nursery_process FD` imports everything slow once, does nothing
else, and forks: each fork shares those pages, and is ready at once. On the socket FD comes a byte
for each that is wanted, with two files: where its lines come from and go to, and where its errors
go. On standard output it says whose process began and with what code one ended, one line of JSON
each. It ends when nobody holds the socket's other end.
"""

import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from hadua.calibration.worker import go_last, lower_priority
from hadua.service.learning.nursery_messages import Began, Ended, Refused, Word
from hadua.service.learning.online_process import SLOW, answer
from hadua.service.leashed import stay_with

NAME = "hadua-follows"
"""As the system shows such a process; fifteen bytes at most."""
FILES = 2
_SIGNALS_AT_ONCE = 4096


def main() -> int:
    """Fork until nobody can ask for it any more."""
    let_go = stay_with(os.getppid())
    lower_priority()
    go_last()
    gc.disable()  # what it moves, no fork shares
    # Not before the priority is lowered: importing torch takes seconds of a core.
    importlib.import_module(SLOW)
    gc.collect()
    gc.freeze()
    let_go()  # from here on the socket tells it, and no fork lacks a thread of ours
    control = socket.socket(fileno=int(sys.argv[1]))
    ended, signalled = socket.socketpair()
    for end in (ended, signalled):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(signalled.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as wake:
        wake.register(control, selectors.EVENT_READ)
        wake.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in wake.select()}
            if ended in ready:
                ended.recv(_SIGNALS_AT_ONCE)
                _bury()
            if control in ready and not _fork(control, ended, signalled):
                return 0


def _fork(control: socket.socket, *others: socket.socket) -> bool:
    """Begin one as it is asked for; False if nobody asks any more."""
    asked, files, _, _ = socket.recv_fds(control, 1, FILES)
    if not asked:
        return False
    nursery = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:  # no room for another process: those that are there go on
        _say(Refused(why=f"it could not be forked: {error}"))
        pid = -1
    if not pid:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (control, *others):
            end.close()
        _live(nursery, *files)
    for file in files:
        os.close(file)
    if pid > 0:
        _say(Began(pid=pid))
    return True


def _live(nursery: int, lines: int, errors: int) -> NoReturn:
    """Be one of those that follow, to the end."""
    code = 1
    try:
        for file, at in ((lines, 0), (lines, 1), (errors, 2)):
            os.dup2(file, at)
        for file in (lines, errors):
            os.close(file)
        sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
        gc.enable()
        with suppress(OSError):
            Path("/proc/self/comm").write_text(NAME, encoding="utf-8")
        stay_with(nursery)
        code = answer()
    except BaseException:  # noqa: BLE001 - the end of a process: its last words, and no more
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(code)


def _bury() -> None:
    """Say of all that have ended since how they did."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say(Ended(pid=pid, code=os.waitstatus_to_exitcode(status)))


def _say(what: Word) -> None:
    os.write(1, msgspec.json.encode(what) + b"\n")


if __name__ == "__main__":
    os._exit(main())  # at once: its forks look whose they are twice a second
