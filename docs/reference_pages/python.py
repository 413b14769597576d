"""The page of the Python interface, from signatures and docstrings (read, not imported)."""

from collections.abc import Iterable
from pathlib import Path

import griffe

SOURCES = Path(__file__).resolve().parents[2]
# What DESIGN calls stable: other people's scripts may rely on it.
PUBLIC = (
    "service.client.synchronous.Client",
    "service.client.asynchronous.AsyncClient",
    "models.official.load_official",
    "models.network.HaduaNetwork",
    "calibration.objective.mmd",
    "calibration.objective.cmmd",
    "calibration.pseudo_labels.PseudoLabelWeighting",
    "adapters.features.eeg_entropy.differential_entropy",
    "adapters.features.eye_movement.EyeMovementFeatures",
)


def python_page() -> str:
    """Every public name with its signature and its docstring."""
    loaders: dict[str, griffe.Object | griffe.Alias] = {}
    parts = [
        "# Python",
        "The names that scripts may rely on. Shapes are (rows, columns), units are in the names.",
    ]
    for path in PUBLIC:
        folder, _, name = path.partition(".")
        if folder not in loaders:
            loaders[folder] = griffe.load(folder, search_paths=[SOURCES], docstring_parser="google")
        parts.append(_section(loaders[folder][name], f"hadua.{path}"))
    return "\n\n".join(parts) + "\n"


def _section(thing: griffe.Object | griffe.Alias, path: str) -> str:
    module, _, name = path.rpartition(".")
    parts = [f"## {name}", f"`from {module} import {name}`"]
    if isinstance(thing, griffe.Function):
        parts.append(_signature(thing, name))
    parts.append(_told(thing))
    if isinstance(thing, griffe.Class):
        methods = [m for m in thing.members.values() if isinstance(m, griffe.Function)]
        if init := thing.members.get("__init__"):
            parts.insert(2, _signature(init, name))
        parts += [
            f"### {name}.{m.name}\n\n{_signature(m, m.name)}\n\n{_told(m)}"
            for m in methods
            if not m.name.startswith("_")
        ]
    return "\n\n".join(part for part in parts if part)


def _signature(function: griffe.Object | griffe.Alias, name: str) -> str:
    if not isinstance(function, griffe.Function):
        return ""
    return f"```python\n{function.signature(name=name)}\n```"


def _told(thing: griffe.Object | griffe.Alias) -> str:
    if thing.docstring is None:
        return ""
    return "\n\n".join(
        _part(section) for section in thing.docstring.parse("google", warnings=False)
    )


def _part(section: griffe.DocstringSection) -> str:
    match section:
        case griffe.DocstringSectionText():
            return str(section.value)
        case griffe.DocstringSectionParameters():
            return _list("Arguments", ((f"`{p.name}`", p.description) for p in section.value))
        case griffe.DocstringSectionRaises():
            return _list("Raises", ((f"`{e.annotation}`", e.description) for e in section.value))
        case griffe.DocstringSectionReturns():
            return _list("Returns", (("", r.description) for r in section.value))
        case _:
            return ""


def _list(title: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"- {f'{name}: ' if name else ''}{' '.join(text.split())}" for name, text in rows)
    return f"**{title}**\n\n" + "\n".join(lines)
