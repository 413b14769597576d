"""What a mapping of gaze found, for the operator to confirm."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GazeReport:
    """What of a stream is used as gaze.

    Args:
        stream: Name of the stream.
        used: What is used: `left x` and so on, with the channel's label and its unit.
        assumed: What was assumed on the way, each a sentence without its full stop.
        refused: What is not used although it could look useful, and why.
        problem: Why there is no gaze at all; empty if there is.
        coverage: Share of the eye-movement features that can be measured, 0 to 1.
        unused: Labels of the channels that are not used.
        preset: Name of the device preset.
        device: The device in words.
        notes: What the operator should know of the device.
    """

    stream: str
    used: tuple[tuple[str, str, str], ...]
    assumed: tuple[str, ...]
    refused: tuple[str, ...]
    problem: str
    coverage: float
    unused: tuple[str, ...] = ()
    preset: str = ""
    device: str = ""
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """A few sentences for the operator."""
        if self.problem:
            return f"Stream {self.stream!r}: {self.problem}"
        used = ", ".join(f"{what} from {label!r}" for what, label, _ in self.used)
        parts = (f"Stream {self.stream!r} gives {used}", *self.refused, *self.assumed)
        return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts)

    def to_dict(self) -> dict[str, object]:
        """The report as plain values, for JSON."""
        return {
            "stream": self.stream,
            "used": [
                {"what": what, "label": label, "unit": unit} for what, label, unit in self.used
            ],
            "assumed": list(self.assumed),
            "refused": list(self.refused),
            "problem": self.problem,
            "coverage": self.coverage,
            "unused": list(self.unused),
            "preset": self.preset,
            "device": self.device,
            "notes": list(self.notes),
            "summary": self.summary(),
        }
