"""The bundle, what it runs on, and whether the streams suit it."""

from collections.abc import Sequence

from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.models.runtime import load_runtime
from hadua.service.doctor.finding import Finding, State, told
from hadua.service.doctor.surroundings import Host
from hadua.service.doctor.visit import Measured, Visit
from hadua.service.lane import extractor_of
from hadua.service.meant import open_bundle, screen_of

_CUDA = "CUDAExecutionProvider"
_SMI_S = 3.0
_PACKAGES = ("onnxruntime", "onnxruntime-gpu")
_INSTALL_CPU, _INSTALL_GPU = 'pip install "hadua[cpu]"', 'pip install "hadua[gpu]"'


def look_at_runtime(visit: Visit) -> Sequence[Finding]:
    """ONNX Runtime: installed, once, and with CUDA where that is asked for."""
    host, looked_at = visit.here.host, "ONNX Runtime"
    versions = {name: v for name in _PACKAGES if (v := host.version_of(name)) is not None}
    if not versions:
        state = State.PROBLEM if visit.settings.runtime == "onnx" else State.NOTE
        fix = f"Run: {_INSTALL_CPU}. With an NVIDIA GPU: {_INSTALL_GPU}"
        return [Finding("runtime", state, looked_at, "not installed", fix)]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    if len(versions) > 1:
        fix = (
            "They overwrite each other's files. Run: pip uninstall -y onnxruntime onnxruntime-gpu, "
            f"then {_INSTALL_GPU} (NVIDIA GPU) or {_INSTALL_CPU}"
        )
        return [Finding("runtime", State.WARNING, looked_at, f"both of {named}", fix)]
    try:
        providers = host.onnx_providers()
    except ImportError as error:
        fix = "Windows: install the Visual C++ Redistributable. Then install the package again."
        found = f"{named} cannot be imported: {error}"
        return [Finding("runtime", State.PROBLEM, looked_at, found, fix)]
    return [Finding("runtime", State.OK, looked_at, named), _gpu(visit, providers)]


def _gpu(visit: Visit, providers: Sequence[str]) -> Finding:
    card, can = _card(visit.here.host), _CUDA in providers
    looked_at = "GPU"
    if visit.settings.device == "cuda" and not can:
        fix = f"Choose --device cpu, or run: pip uninstall -y onnxruntime, then {_INSTALL_GPU}"
        found = f"--device cuda, but this ONNX Runtime has only {', '.join(providers)}"
        return Finding("runtime", State.PROBLEM, looked_at, found, fix)
    if can and not card:
        fix = f"Install NVIDIA's driver, or {_INSTALL_CPU}; until then the CPU is used."
        found = "ONNX Runtime could use CUDA, but no NVIDIA driver answers"
        return Finding("runtime", State.NOTE, looked_at, found, fix)
    if card and not can:
        found = f"{card} is not used: this ONNX Runtime is for the CPU, which is fast enough"
        return Finding("runtime", State.OK, looked_at, found)
    return Finding("runtime", State.OK, looked_at, card or "none: the CPU is used")


def _card(host: Host) -> str:
    """Name and driver of the first NVIDIA GPU; empty without."""
    query = ("--query-gpu=name,driver_version", "--format=csv,noheader")
    said = host.command("nvidia-smi", *query, timeout_s=_SMI_S)
    if said is None or said.code != 0 or not said.output.strip():
        return ""
    return said.output.strip().splitlines()[0]


def look_at_bundle(visit: Visit) -> Sequence[Finding]:
    """Whether the bundle is whole, of known features, and runs."""
    settings = visit.settings
    looked_at = f"bundle {str(settings.bundle)!r}" if settings.bundle else "the demo bundle"
    try:
        visit.bundle = bundle = open_bundle(settings)
    except HaduaError as error:
        again = "Copy the whole folder again, or export it anew with hadua export."
        found, fix = told(error, otherwise=again)
        return [Finding("bundle", State.PROBLEM, looked_at, found, fix)]
    try:
        runtime = load_runtime(bundle, name=settings.runtime, device=settings.device)
        where = f"{runtime.name} on {runtime.device}"
        runtime.close()
    except HaduaError as error:
        other = "See the check 'runtime'; --runtime and --device choose another."
        found, fix = told(error, otherwise=other)
        return [Finding("bundle", State.PROBLEM, looked_at, found, fix)]
    found = f"{bundle.id}: every file is as its manifest says; runs with {where}"
    if bundle.manifest.demo:
        fix = "Give your own with --bundle: what the demo model says about a person means nothing."
        return [Finding("bundle", State.NOTE, looked_at, found, fix)]
    return [Finding("bundle", State.OK, looked_at, found)]


def look_at_coverage(visit: Visit) -> Sequence[Finding]:
    """Whether each stream covers enough of what the bundle was trained on."""
    if visit.bundle is None:
        found = "not compared: the bundle cannot be used"
        return [Finding("coverage", State.NOTE, "streams and bundle", found)]
    findings = [_coverage(visit, s) for s in visit.measured if s.spec is not None]
    if findings and not any(s.modality in visit.bundle.specs for s in visit.measured):
        inputs = ", ".join(sorted(visit.bundle.specs))
        found = f"the bundle takes {inputs}, and there is no such stream"
        fix = "Connect one (--eeg, --gaze), or choose another bundle (--bundle)."
        state = State.PROBLEM if visit.wanted else State.WARNING
        findings.append(Finding("coverage", state, "streams and bundle", found, fix))
    nothing = Finding("coverage", State.OK, "streams and bundle", "no stream to compare")
    return findings or [nothing]


def _coverage(visit: Visit, stream: Measured) -> Finding:
    bundle, spec, modality = visit.bundle, stream.spec, stream.modality
    if bundle is None or spec is None or modality not in bundle.specs:
        found = f"the bundle has no input for {_WORDS[modality]}: it would not be used"
        return Finding("coverage", State.NOTE, stream.called, found)
    try:
        screen = screen_of(visit.settings)
        report = extractor_of(spec, bundle.specs[modality], screen=screen).report.to_dict()
    except HaduaError as error:
        found, fix = told(error, otherwise="Choose another stream, or another bundle (--bundle).")
        return Finding("coverage", stream.bad(), stream.called, found, fix)
    share, needed = float(str(report["coverage"])), bundle.manifest.min_coverage[modality]
    found = f"{share:.0%} of the bundle's input, {needed:.0%} are needed. {report['summary']}"
    if share < needed:
        fix = (
            "A session would run and give no answer. Choose a bundle trained on these channels "
            "(--bundle), or name the channels in the sender."
        )
        return Finding("coverage", stream.bad(), stream.called, found, fix)
    return Finding("coverage", State.OK, stream.called, found)


_WORDS = {Modality.EEG: "EEG", Modality.EYE: "gaze"}
