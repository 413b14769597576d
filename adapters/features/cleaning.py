"""How `hadua-clean/1` is done: each step on the window alone, in the order of `Cleaning`."""

from hadua.adapters.features.removal import Removal
from hadua.adapters.features.resampling import PASSED, WindowResampler
from hadua.models.cleaning import Cleaning, Reference
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FloatArray


class WindowCleaner:
    """Cleans windows of one length from a stream of one nominal rate; holds no signal.

    Args:
        cleaning: What is to be done; None for nothing.
        rate_hz: Nominal rate of the stream.
        window_s: Length of the windows.
        highest_hz: What is measured of them reaches up to here.

    Raises:
        InvalidInputError: a cleaning that cannot be done at this rate or in so short a window.
    """

    def __init__(
        self, cleaning: Cleaning | None, *, rate_hz: float, window_s: float, highest_hz: float
    ) -> None:
        self._cleaning = cleaning = cleaning or Cleaning()
        self.rate_hz = cleaning.rate_hz or rate_hz
        self.n_samples = round(window_s * self.rate_hz)
        self._resampler = None
        if self.rate_hz != rate_hz:
            _require_passed(rate_hz, self.rate_hz, highest_hz=highest_hz)
            self._resampler = WindowResampler(rate_hz, self.rate_hz, window_s=window_s)
        if cleaning.notch_hz is not None and 2.0 * cleaning.notch_hz >= self.rate_hz:
            raise InvalidInputError(
                "cleaning of the EEG: notch",
                got=f"{cleaning.notch_hz:g} Hz in a signal at {self.rate_hz:g} Hz",
                expected="mains below half of the sampling rate",
                hint="The model was trained at a higher rate: set the amplifier to one.",
            )
        removes = cleaning.notch_hz is not None or cleaning.high_pass_hz is not None
        self._removal = None
        if removes:
            self._removal = Removal(
                self.rate_hz,
                self.n_samples,
                notch_hz=cleaning.notch_hz,
                high_pass_hz=cleaning.high_pass_hz,
            )

    @property
    def reach_s(self) -> float:
        """Seconds of signal it needs before and after a window: 0 where it does not resample."""
        return 0.0 if self._resampler is None else self._resampler.reach_s

    def __call__(self, t_s: FloatArray, x_uv: FloatArray, good: BoolArray) -> FloatArray:
        """Clean one window; `(n_samples, n_channels)`.

        Args:
            t_s: `(n,)` times of the samples, `reach_s` on either side included.
            x_uv: `(n, n_channels)` microvolts.
            good: `(n_channels,)` the channels that the average is made of.
        """
        if self._resampler is not None:
            _, x_uv = self._resampler(t_s, x_uv)
        if self._removal is not None:
            x_uv = self._removal(x_uv)
        if self._cleaning.reference is Reference.AVERAGE and good.any():
            x_uv = (x_uv.T - x_uv.T[good].mean(axis=0)).T
        return x_uv


def _require_passed(rate_hz: float, to_rate_hz: float, *, highest_hz: float) -> None:
    least_hz = highest_hz / PASSED
    if min(rate_hz, to_rate_hz) < least_hz:
        raise InvalidInputError(
            "cleaning of the EEG: sampling rate",
            got=f"a stream at {rate_hz:g} Hz to be brought to {to_rate_hz:g} Hz",
            expected=f"at least {least_hz:g} Hz each: features reach up to {highest_hz:g} Hz",
            hint="Set the amplifier to a higher rate.",
        )
