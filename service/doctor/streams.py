"""The streams: which there are, and whether each says what it is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hadua.adapters.devices.montage import is_electrode
from hadua.adapters.devices.units import is_said, microvolts_per
from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.models.features import Modality
from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.listening import listen_to_all, modality_of
from hadua.service.doctor.visit import Measured, Visit
from hadua.service.wanted import ROLES

LIST_S = 2.0
MOST_STREAMS = 16
_RATE_SHARE = 0.02
_SLOW_GAZE_HZ = 100.0
_UNSURE_S = 5e-3
_CLOCKS_S = 1e-3
_SHOWN = 6
_GENERIC = "generic"
_START = "Start the device's program and switch its streaming on; the session goes on by itself."
_NAME_THEM = (
    "Switch on the channel names in the sending program, or enter them there (FP1, FZ, ...), or in "
    "the SOURCE text, as in ',labels=Fp1/Fp2/C3': an order of channels is never guessed."
)


def look_at_streams(visit: Visit) -> Sequence[Finding]:
    """Find the streams, open them, listen to them."""
    network, request = visit.here.network, visit.request
    if request.network:
        visit.listed = tuple(network.streams(LIST_S))
    chosen = named_apart(_chosen(visit))
    unknown = [stream for stream in chosen if stream.spec is None and not stream.session_id]
    heard = {s.called: s for s in listen_to_all(unknown, network, seconds=request.seconds)}
    visit.measured = tuple(heard.get(stream.called, stream) for stream in chosen)
    opened = [_opened(stream) for stream in visit.measured]
    others = _others(visit.listed, visit.measured)
    return [*opened, *others] or [_none(visit)]


def _chosen(visit: Visit) -> list[Measured]:
    """What is wanted; else what sessions read; else what is there."""
    if any(w.modality for w in visit.wanted):
        return list(_wanted(visit))
    return list(visit.running) or list(_found(visit.listed))[:MOST_STREAMS]


def _wanted(visit: Visit) -> Iterator[Measured]:
    for wanted in visit.wanted:
        text, modality = wanted.text, wanted.modality
        if modality is None or (
            not visit.request.network and text.startswith(("lsl:", "fieldtrip:"))
        ):
            continue
        running = next((s for s in visit.running if _is(s, modality, text)), None)
        stream = running or Measured(text, modality, wanted=True)
        yield replace(stream, wanted=True, required=wanted.required, expected=wanted.expected)


def _is(stream: Measured, modality: Modality, text: str) -> bool:
    """Whether it was opened by that text; what the settings add to it stands behind a comma."""
    same = stream.text == text or stream.text.startswith(f"{text},")
    return stream.modality is modality and same


def named_apart(streams: Sequence[Measured]) -> list[Measured]:
    """The same streams; those of one text (`sim:` for both) are called by what they are for."""
    times = Counter(stream.text for stream in streams)
    return [
        replace(s, name=f"{s.text} ({ROLES[s.modality]}{', ' * bool(s.session_id)}{s.session_id})")
        if times[s.text] > 1
        else s
        for s in streams
    ]


def _found(listed: Sequence[StreamSummary]) -> Iterator[Measured]:
    for summary in listed:
        modality = modality_of(summary.type)
        if modality is not None and summary.source:
            yield Measured(summary.source, modality, wanted=False)


def _opened(stream: Measured) -> Finding:
    if stream.spec is None:
        error = stream.error or "not found yet: its session looks for it"
        return Finding("streams", stream.bad(), stream.called, error, stream.fix or _START)
    spec = stream.spec
    found = f"{spec.name!r}, {len(spec.channels)} channels, {_hz(spec.rate_hz)}"
    notes = [note for note in stream.health.notes if note]
    state = State.NOTE if notes else State.OK
    return Finding("streams", state, stream.called, "; ".join([found, *notes]))


def _others(listed: Sequence[StreamSummary], measured: Sequence[Measured]) -> list[Finding]:
    known = {(m.spec.name, m.spec.type, m.spec.source_id) for m in measured if m.spec is not None}
    texts = {m.text for m in measured}
    rest = [
        str(s)
        for s in listed
        if s.source not in texts and (s.name, s.type, s.source_id) not in known
    ]
    if not rest:
        return []
    shown = "; ".join(rest[:_SHOWN]) + (f"; {len(rest) - _SHOWN} more" * (len(rest) > _SHOWN))
    return [Finding("streams", State.NOTE, "other LSL streams", shown)]


def _none(visit: Visit) -> Finding:
    fix = (
        "Start the amplifier's and the tracker's programs and switch their streaming on; then look "
        "again. To rehearse without them: hadua simulate"
    )
    if not visit.request.network:
        return Finding("streams", State.NOTE, "streams", "left out: --no-network")
    found = "no stream of type EEG or Gaze"
    if visit.settings.demo:
        return Finding("streams", State.OK, "LSL streams", f"{found}; the demo needs none")
    return Finding("streams", State.WARNING, "LSL streams", found, fix)


def look_at_source_ids(visit: Visit) -> Sequence[Finding]:
    """Streams that cannot be told apart, or not be found again."""
    findings: list[Finding] = []
    alike = Counter((s.name, s.type, s.source_id, s.hostname) for s in visit.listed)
    for (name, kind, source_id, host), n in alike.items():
        if n > 1:
            found = f"{n} streams are alike: name {name!r}, type {kind!r}, source_id {source_id!r}"
            fix = f"Stop all but one on {host!r}, or give each another source_id in its sender."
            findings.append(Finding("source-ids", State.WARNING, "LSL streams", found, fix))
    nameless = sorted({s.name for s in visit.listed if not s.source_id})
    if nameless:
        found = f"no source_id: {', '.join(map(repr, nameless))}"
        fix = "After a restart of such a sender, start the session again: it is not recognised."
        findings.append(Finding("source-ids", State.NOTE, "LSL streams", found, fix))
    good = f"{len(visit.listed)} streams, each of its own"
    return findings or [Finding("source-ids", State.OK, "LSL streams", good)]


def look_at_rates(visit: Visit) -> Sequence[Finding]:
    """Nominal against effective rates, and gaps while listening."""
    return [_rate(stream) for stream in visit.measured if stream.spec is not None]


def _rate(stream: Measured) -> Finding:
    nominal_hz = stream.spec.rate_hz if stream.spec else 0.0
    effective_hz, health = stream.effective_hz, stream.health
    if effective_hz is None and stream.health.samples > 1 and stream.session_id:
        found = f"declares {_hz(nominal_hz)}; what it sends is not known at the moment"
        return Finding("rates", State.NOTE, stream.called, found)
    if effective_hz is None:
        fix = "Is the device connected and its acquisition started? Does its program show a signal?"
        found = f"declares {_hz(nominal_hz)} and sends {'one' if health.samples else 'no'} sample"
        return Finding("rates", stream.bad(), stream.called, found, fix)
    found = f"declares {_hz(nominal_hz)}, sends {effective_hz:.1f} Hz"
    if health.gaps:
        found += f"; {health.gaps} gaps, about {health.lost_samples} samples lost"
        fix = "Use a cable instead of Wi-Fi, bring a wireless device nearer, close other programs."
        return Finding("rates", State.WARNING, stream.called, found, fix)
    if nominal_hz and abs(effective_hz / nominal_hz - 1.0) > _RATE_SHARE:
        fix = (
            "Set the true rate in the sending program, if it can be set: the rate that is sent is "
            "followed, but until that is known the first seconds count as gaps."
        )
        return Finding("rates", State.WARNING, stream.called, found, fix)
    if stream.modality is Modality.EYE and effective_hz < _SLOW_GAZE_HZ:
        fix = "Below 120 Hz fixations and saccades are measured badly: choose a higher rate if the "
        return Finding("rates", State.NOTE, stream.called, found, fix + "tracker has one.")
    return Finding("rates", State.OK, stream.called, found)


def look_at_labels(visit: Visit) -> Sequence[Finding]:
    """Whether channels have names that mean something."""
    return [_labels(stream) for stream in visit.measured if stream.spec is not None]


def _labels(stream: Measured) -> Finding:
    device = stream.device()
    labels = [d.channel.label for d in device.channels] if device else []
    known = device is not None and device.preset.name != _GENERIC
    found = f"{device.title}: {_some(labels)}" if device and known else _some(labels)
    fix = (device.hint if device else "") or _NAME_THEM
    if device is None or not device.named:
        found = f"the device names none of its {len(labels)} channels"
        return Finding("labels", stream.bad(), stream.called, found, fix)
    doubled = [label for label, n in Counter(labels).items() if n > 1]
    if doubled:
        found = f"more than one channel is called {_some(doubled)}"
        return Finding("labels", State.WARNING, stream.called, found, fix)
    if stream.modality is Modality.EEG and not any(map(is_electrode, labels)):
        found = f"none of the names is that of an electrode: {_some(labels)}"
        return Finding("labels", stream.bad(), stream.called, found, fix)
    return Finding("labels", State.OK, stream.called, found)


def look_at_units(visit: Visit) -> Sequence[Finding]:
    """Whether the unit of each EEG channel is known."""
    return [_units(stream) for stream in visit.measured if stream.spec is not None]


def _units(stream: Measured) -> Finding:
    device = stream.device()
    channels = device.channels if device else ()
    shown = _some(sorted({d.channel.unit or "none" for d in channels}))
    if stream.modality is not Modality.EEG:
        return Finding("units", State.OK, stream.called, shown)
    unknown = [
        d
        for d in channels
        if is_electrode(d.channel.label)
        and d.microvolts is None
        and microvolts_per(d.channel.unit) is None
    ]
    useless = [d.label for d in unknown if is_said(d.channel.unit)]
    assumed = [d.label for d in unknown if not is_said(d.channel.unit)]
    if useless:
        found = f"not used, because nobody says how many microvolts one is: {_some(useless)}"
        fix = "Let the sending program send microvolts, and say so in the unit of each channel."
        return Finding("units", stream.bad(), stream.called, f"{found} (unit: {shown})", fix)
    if assumed:
        found = f"microvolts are assumed for {_some(assumed)} (unit: {shown})"
        fix = "If they are volts or counts, every feature is wrong: set the unit in the sending "
        return Finding("units", State.WARNING, stream.called, found, fix + "program.")
    return Finding("units", State.OK, stream.called, shown)


def look_at_clocks(visit: Visit) -> Sequence[Finding]:
    """How well the clocks of the senders are known here."""
    return [_own_clock(visit), *(_clock(s) for s in visit.measured if s.spec is not None)]


def _own_clock(visit: Visit) -> Finding:
    looked_at = "liblsl's clock and ours"
    apart_s = visit.here.network.clocks_apart_s()
    found = f"{1e3 * apart_s:.3f} ms apart"
    if abs(apart_s) > _CLOCKS_S:
        fix = "Please report it, with the output of hadua doctor --json: time stamps would be off."
        return Finding("clock", State.WARNING, looked_at, found, fix)
    return Finding("clock", State.OK, looked_at, found)


def _clock(stream: Measured) -> Finding:
    health = stream.health
    if health.clock_uncertainty_s is None:
        return Finding("clock", State.OK, stream.called, "no clock of its own that is known")
    found = (
        f"offset {1e3 * health.clock_offset_s:+.2f} ms, uncertain by "
        f"{1e3 * health.clock_uncertainty_s:.2f} ms"
    )
    if health.clock_uncertainty_s > _UNSURE_S:
        fix = "The network between the two computers is slow or busy: use a cable, and no VPN."
        return Finding("clock", State.WARNING, stream.called, found, fix)
    return Finding("clock", State.OK, stream.called, found)


def _hz(rate_hz: float) -> str:
    return f"{rate_hz:g} Hz" if rate_hz else "an irregular rate"


def _some(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN + 2:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} ... {names[-1]} ({len(names)})"
