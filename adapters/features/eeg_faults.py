"""What is wrong with the EEG of a window, in words."""

import numpy as np

from hadua.adapters.devices.mapping_report import MappingReport
from hadua.adapters.quality.eeg_judge import Verdict
from hadua.models.features import BoolArray, FloatArray
from hadua.models.quality import EEG_FLAGS, Flag

_MOST = 3


class FaultWords:
    """Says what is wrong with a window's channels.

    Args:
        report: How the stream was mapped.
        bands: Names of the bands that are measured.
    """

    def __init__(self, report: MappingReport, bands: tuple[str, ...]) -> None:
        self._labels = tuple(c.label for c in report.found)
        self._bands = bands
        self._missing = _missing(report)

    def __call__(self, x_uv: FloatArray, verdict: Verdict, measured: BoolArray) -> str:
        """A few sentences; empty if nothing is wrong.

        Args:
            x_uv: `(n, n_found)` the window.
            verdict: What was found of it.
            measured: `(n_found, n_bands)`, True where a good channel has a value.
        """
        if measured.all() and not verdict.bad.any():
            return self._missing
        wrong = np.flatnonzero(verdict.bad | ~measured.all(axis=1)).tolist()
        faults = [
            f"channel {self._labels[i]!r} {self._fault(i, x_uv[:, i], verdict, measured[i])}"
            for i in wrong[:_MOST]
        ]
        more = f"; and {len(wrong) - _MOST} more channels" if len(wrong) > _MOST else ""
        found = "eeg: " + "; ".join(faults) + more
        return f"{found}; {self._missing.removeprefix('eeg: ')}" if self._missing else found

    def _fault(self, i: int, x_uv: FloatArray, verdict: Verdict, measured: BoolArray) -> str:
        if verdict.bad[i]:
            flag = EEG_FLAGS[int(verdict.flags[i].argmax())]
            if flag is Flag.NOT_FINITE:
                n = np.count_nonzero(~np.isfinite(x_uv))
                return f"had {n} of {len(x_uv)} samples that are not finite"
            if flag is Flag.LINE:
                return f"has {verdict.numbers['line_uv'][i]:.0f} uV of mains hum"
            return _WORDS[flag]
        empty = ", ".join(b for b, ok in zip(self._bands, measured, strict=True) if not ok)
        return f"has no power in {empty}"


_WORDS = {
    Flag.FLAT: "is flat",
    Flag.RAILED: "stands at the end of its range",
    Flag.NOISE: "has high-frequency noise",
    Flag.JUMP: "jumps",
    Flag.NEIGHBOURS: "is unlike its neighbours",
}


def _missing(report: MappingReport) -> str:
    if report.problem:
        return f"eeg: {report.summary()}"
    facts = (
        (len(report.interpolated), "are interpolated"),
        (len(report.missing), "are not in the stream"),
    )
    parts = [f"{n} of {len(report.needed)} channels {what}" for n, what in facts if n]
    return f"eeg: {', '.join(parts)}" if parts else ""
