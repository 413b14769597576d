"""Send real recordings through LSL outlets, as the devices' own software would.

Runs as a process of its own:

    python recording_sender.py --muse subject1_....csv.gz --glasses livedata.json.gz --id abc

Muse: as muse-lsl (stream `Muse`, type EEG, 256 Hz, float32, chunks of 12, stamps that repeat and
step back as recorded). Gaze: as App-TobiiPro (`Tobii`, six float32 channels, nominal rate 600
whatever the tracker does, pupil without a unit, NaN where missing) or, with `--layout titta`, as
TittaLSL (`Tobii_gaze`, 37 float64 channels of which 36 are described, validity flags).

Writes one JSON line when the outlets are up, one when sending begins, one at the end. `--speed 4`
sends four times faster but keeps the distances between the stamps: they begin that far in the past
that the last sample is sent at the instant it claims.
"""

import argparse
import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pylsl
from pylsl.info import XMLElement

from hadua.adapters.datasets.muse_csv import RATE_HZ, read_muse_csv
from hadua.adapters.datasets.tobii_glasses import GlassesRecording, read_livedata

Samples = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """An outlet, and what goes through it: stamps `(n,)` from 0 on and values `(n, c)`."""

    outlet: pylsl.StreamOutlet
    name: str
    source_id: str
    t_s: npt.NDArray[np.float64]
    x: Samples
    chunk: int


def muse(path: Path, *, name: str, source_id: str, seconds: float) -> Recording:
    recording = read_muse_csv(path)
    info = pylsl.StreamInfo(name, "EEG", 5, RATE_HZ, pylsl.cf_float32, source_id)
    info.desc().append_child_value("manufacturer", "Muse")
    channels = info.desc().append_child("channels")
    for label in recording.labels:
        _describe(channels, label=label, unit="microvolts", type="EEG")
    outlet = pylsl.StreamOutlet(info, chunk_size=12, max_buffered=360)
    t_s = recording.t_s - recording.t_s[0]
    keep = t_s < seconds
    x = recording.x_uv[keep].astype(np.float32)
    return Recording(outlet, name, source_id, t_s[keep], x, 12)


def tobii_pro(
    path: Path, *, name: str, source_id: str, seconds: float, rate_hz: float
) -> Recording:
    recording = read_livedata(path)
    info = pylsl.StreamInfo(name, "Gaze", 6, rate_hz, pylsl.cf_float32, source_id)
    acquisition = info.desc().append_child("acquisition")
    acquisition.append_child_value("manufacturer", "TobiiPro")
    acquisition.append_child_value("application", "TobiiProApp")
    channels = info.desc().append_child("channels")
    for eye in ("left", "right"):
        _describe(channels, label=f"{eye}_x", eye=eye, type="ScreenX", unit="screencoords")
        _describe(channels, label=f"{eye}_y", eye=eye, type="ScreenY", unit="screencoords")
        _describe(channels, label=f"{eye}_pupil", eye=eye, type="pupilsize")
    outlet = pylsl.StreamOutlet(info)
    return _gaze(
        recording, outlet, name, source_id, seconds, recording.per_eye().astype(np.float32)
    )


def titta(path: Path, *, name: str, source_id: str, seconds: float, rate_hz: float) -> Recording:
    recording = read_livedata(path)
    info = pylsl.StreamInfo(name, "Gaze", 37, rate_hz, pylsl.cf_double64, source_id)
    acquisition = info.desc().append_child("acquisition")
    acquisition.append_child_value("manufacturer", "Tobii")
    channels = info.desc().append_child("channels")
    for eye in ("left", "right"):
        for label, kind, unit in _TITTA_EYE:
            _describe(channels, label=f"{label}.{eye}_eye", eye=eye, type=kind, unit=unit)
    x = np.full((len(recording.t_s), 37), np.nan)
    for k in range(2):
        values = recording.per_eye()[:, 3 * k : 3 * k + 3]
        seen = ~np.isnan(values)
        x[:, 18 * k + 0 : 18 * k + 2] = values[:, :2]
        x[:, 18 * k + 5 : 18 * k + 7] = np.stack((seen[:, 0], np.ones(len(x))), axis=1)
        x[:, 18 * k + 7] = values[:, 2]
        x[:, 18 * k + 8 : 18 * k + 10] = np.stack((seen[:, 2], np.ones(len(x))), axis=1)
        x[:, 18 * k + 16 : 18 * k + 18] = 0.0
    x[:, 36] = recording.t_s
    return _gaze(recording, pylsl.StreamOutlet(info), name, source_id, seconds, x)


_TITTA_EYE = (
    ("x.position_on_display_area.gaze_point", "ScreenX", "normalized"),
    ("y.position_on_display_area.gaze_point", "ScreenY", "normalized"),
    ("x.position_in_user_coordinates.gaze_point", "IntersectionX", "mm"),
    ("y.position_in_user_coordinates.gaze_point", "IntersectionY", "mm"),
    ("z.position_in_user_coordinates.gaze_point", "IntersectionZ", "mm"),
    ("valid.gaze_point", "ValidFlag", "bool"),
    ("available.gaze_point", "AvailableFlag", "bool"),
    ("diameter.pupil", "Diameter", "mm"),
    ("valid.pupil", "ValidFlag", "bool"),
    ("available.pupil", "AvailableFlag", "bool"),
    ("x.position_in_user_coordinates.gaze_origin", "PupilX", "mm"),
    ("y.position_in_user_coordinates.gaze_origin", "PupilY", "mm"),
    ("z.position_in_user_coordinates.gaze_origin", "PupilZ", "mm"),
    ("x.position_in_track_box_coordinates.gaze_origin", "PupilX", "normalized"),
    ("y.position_in_track_box_coordinates.gaze_origin", "PupilY", "normalized"),
    ("z.position_in_track_box_coordinates.gaze_origin", "PupilZ", "normalized"),
    ("valid.gaze_origin", "ValidFlag", "bool"),
    ("available.gaze_origin", "AvailableFlag", "bool"),
)


def send(recordings: list[Recording], *, speed: float) -> None:
    """Send all recordings side by side, each from its own beginning."""
    longest_s = max(float(r.t_s.max()) for r in recordings)
    begin_s = pylsl.local_clock()
    first_stamp_s = begin_s + longest_s / speed - longest_s
    _tell(sending=True, first_stamp_s=first_stamp_s)
    turns = sorted(
        (float(r.t_s[start : start + r.chunk].max()), k, start)
        for k, r in enumerate(recordings)
        for start in range(0, len(r.t_s), r.chunk)
    )
    for due_s, k, start in turns:
        time.sleep(max(0.0, begin_s + due_s / speed - pylsl.local_clock()))
        r = recordings[k]
        for i in range(start, min(start + r.chunk, len(r.t_s))):
            r.outlet.push_sample(r.x[i], first_stamp_s + float(r.t_s[i]))


def main() -> None:
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
    args = _arguments()
    recordings = _open(args)
    _tell(
        ready=True,
        streams=[
            {"name": r.name, "source_id": r.source_id, "samples": len(r.t_s)} for r in recordings
        ],
    )
    deadline_s = pylsl.local_clock() + args.wait_s
    while not all(r.outlet.have_consumers() for r in recordings):
        if pylsl.local_clock() > deadline_s:
            sys.exit(f"no consumer within {args.wait_s} s")
        time.sleep(0.02)
    send(recordings, speed=args.speed)
    time.sleep(args.linger_s)  # an outlet that goes takes with it what is still on the way
    _tell(done=True)


def _gaze(
    recording: GlassesRecording,
    outlet: pylsl.StreamOutlet,
    name: str,
    source_id: str,
    seconds: float,
    x: Samples,
) -> Recording:
    t_s = recording.t_s - recording.t_s[0]
    keep = t_s < seconds
    return Recording(outlet, name, source_id, t_s[keep], x[keep], 1)


def _describe(channels: XMLElement, **fields: str) -> None:
    channel = channels.append_child("channel")
    for key, value in fields.items():
        channel.append_child_value(key, value)


def _open(args: argparse.Namespace) -> list[Recording]:
    recordings = []
    if args.muse:
        name, source_id = f"Muse{args.suffix}", f"Muse{args.id}"
        recordings.append(muse(args.muse, name=name, source_id=source_id, seconds=args.seconds))
    if args.glasses:
        make, stem = (titta, "Tobii_gaze") if args.layout == "titta" else (tobii_pro, "Tobii")
        rate_hz = args.gaze_rate or (50.0 if args.layout == "titta" else 600.0)
        recordings.append(
            make(
                args.glasses,
                name=f"{stem}{args.suffix}",
                source_id=f"Tobii{args.id}",
                seconds=args.seconds,
                rate_hz=rate_hz,
            )
        )
    if not recordings:
        sys.exit("nothing to send: give --muse, --glasses or both")
    return recordings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Send real recordings through LSL outlets.")
    parser.add_argument("--muse", type=Path, help="a Muse recording (.csv or .csv.gz)")
    parser.add_argument("--glasses", type=Path, help="a livedata.json(.gz)")
    parser.add_argument("--layout", choices=("tobiipro", "titta"), default="tobiipro")
    parser.add_argument("--id", default="", help="end of the source_ids")
    parser.add_argument("--suffix", default="", help="end of the stream names")
    parser.add_argument("--gaze-rate", type=float, help="nominal rate to declare (Hz)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="send only the first")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--wait-s", type=float, default=30.0, help="for a consumer on each outlet")
    parser.add_argument("--linger-s", type=float, default=1.0, help="at the end")
    return parser.parse_args()


def _tell(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
