"""PsychoPy: show words, mark each at the flip that shows it, and take the emotion at its end.

Start `hadua-serve --demo`, then `python psychopy_pictures.py`. Needs PsychoPy and hadua.
"""

from collections.abc import Callable

from hadua.service.client import Client

WORDS = ("sunshine", "thunder", "library")


def experiment(
    show: Callable[[str, Callable[[], object]], None], *, url: str, session: str
) -> list[tuple[str, str | None]]:
    """Each word and the label at its end. `show` draws one and calls back when it appears."""
    results: list[tuple[str, str | None]] = []
    with Client(url) as hadua, hadua.follow(session) as live:
        hadua.sync_clock()
        for word in WORDS:
            show(word, lambda word=word: hadua.mark(session, f"word={word}"))
            newest = live.latest()  # never waits; None if nothing came for five seconds
            results.append((word, newest.label if newest else None))
    return results


if __name__ == "__main__":
    from psychopy import core, visual

    window = visual.Window()

    def show(word: str, appears: Callable[[], object]) -> None:
        visual.TextStim(window, word).draw()
        window.callOnFlip(appears)  # the marker's time is taken here, before it is sent
        window.flip()
        core.wait(3.0)

    print(experiment(show, url="http://127.0.0.1:8000", session="demo"))
