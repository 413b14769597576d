"""What the ages of arriving samples say: was the buffer full, and is their clock ours at all?"""

from hadua.models.features import FloatArray

_JUMP_S = 0.1
_FULL = 0.9
_STRANGE_S = 10.0


class BufferWatch:
    """Follows how old samples are when they are pulled out of a buffer that drops the oldest.

    liblsl's does so without a word. What comes next is as old as the buffer is long, and lies
    behind a jump in time.

    Args:
        buffer_s: Length of the buffer.

    Attributes:
        overflows: How often the buffer was full and samples went.
        note: What is odd about the stamps, or empty.
    """

    def __init__(self, buffer_s: float) -> None:
        self._buffer_s = buffer_s
        self._newest_s: float | None = None
        self.overflows = 0
        self.note = ""

    def saw(self, stamp_s: FloatArray, *, now_s: float) -> None:
        """Take the stamps `(n,)`, n at least 1, of samples that were pulled at `now_s`."""
        before_s, self._newest_s = self._newest_s, float(stamp_s[-1])
        if before_s is None:
            off_s = self._newest_s - now_s
            if abs(off_s) > max(_STRANGE_S, self._buffer_s):
                self.note = (
                    f"its time stamps lie {abs(off_s):.0f} s {'after' if off_s > 0 else 'before'} "
                    "this computer's time: no other stream lines up with them"
                )
        elif not self.note and now_s - float(stamp_s[0]) > _FULL * self._buffer_s:
            self.overflows += float(stamp_s[0]) - before_s > _JUMP_S
