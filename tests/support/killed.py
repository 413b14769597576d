"""Changes a copy of a profile store and dies before the n-th step, for every n, until it does not.

    python -m support.killed OPERATION TEMPLATE OUT BUNDLE

OUT/000, OUT/001, ... hold what each death has left behind; the last one was not killed. A process
of its own, without threads, so that it can fork.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from support.profiles import AT_UNIX, PERSON, profile_of

from hadua.calibration.archive import import_participant
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, load_bundle

KILLED = 9
KEEP = 3

Operation = Callable[[ProfileStore, Bundle, Path], None]


def save(store: ProfileStore, bundle: Bundle, out: Path) -> None:
    """Save and activate the next version, which drops the oldest."""
    version = store.next_version(PERSON)
    parent = store.active_version(PERSON)
    store.save(profile_of(bundle, version=version, parent=parent), at_unix=AT_UNIX)
    store.activate(PERSON, version, bundle=bundle, at_unix=AT_UNIX)


def roll_back(store: ProfileStore, bundle: Bundle, out: Path) -> None:
    store.roll_back(PERSON, bundle=bundle, at_unix=AT_UNIX, reason="test", version=2)


def discard(store: ProfileStore, bundle: Bundle, out: Path) -> None:
    store.discard(PERSON, 2, at_unix=AT_UNIX, reason="test")


def delete(store: ProfileStore, bundle: Bundle, out: Path) -> None:
    store.delete(PERSON)


def take_in(store: ProfileStore, bundle: Bundle, out: Path) -> None:
    import_participant(store, out / "archive.zip", at_unix=AT_UNIX)


OPERATIONS = {f.__name__: f for f in (save, roll_back, discard, delete, take_in)}


def die_at(step: int) -> Callable[[str], None]:
    left = [step]

    def on_step(name: str) -> None:
        if not left[0]:
            os._exit(KILLED)
        left[0] -= 1

    return on_step


def main(operation: Operation, template: Path, out: Path, bundle: Bundle) -> None:
    code, step = KILLED, 0
    while code == KILLED:
        root = out / f"{step:03d}"
        shutil.copytree(template, root)
        child = os.fork()
        if not child:
            operation(ProfileStore(root, keep=KEEP, on_step=die_at(step)), bundle, out)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        step += 1
    sys.exit(code)


if __name__ == "__main__":
    name, template, out, bundle = sys.argv[1:]
    main(OPERATIONS[name], Path(template), Path(out), load_bundle(Path(bundle)))
