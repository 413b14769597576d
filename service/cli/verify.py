"""`hadua verify`: are the predictions of a recorded session what its signals give again?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadua.models.errors import HaduaError
from hadua.service.cli.stored import DATA_DIR, DataDir

if TYPE_CHECKING:
    from hadua.service.verification import Verdict


def verify(
    file: Annotated[Path, typer.Argument(help="A session that hadua-serve recorded (.xdf).")],
    bundle: Annotated[Path | None, typer.Option(help="Where its bundle is now.")] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Compute a recorded session's predictions again, and compare.

    Ends with 0 if they are identical, 1 if not, 2 for bad usage.
    """
    import msgspec

    from hadua.service.rebuilding import Rebuilding
    from hadua.service.verification import verify as verify_file

    try:
        verdict = verify_file(file, Rebuilding(bundle=bundle, data_dir=data_dir))
    except HaduaError as error:
        typer.echo(f"hadua verify: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(msgspec.json.encode(verdict).decode() if as_json else in_words(verdict))
    raise typer.Exit(0 if verdict.identical else 1)


def in_words(verdict: "Verdict") -> str:
    """The verdict for a person."""
    head = "identical" if verdict.identical else "NOT identical"
    lines = [
        f"{verdict.file}: {head}",
        f"  {verdict.recorded} predictions recorded, {verdict.compared} computed again, "
        f"{verdict.differing} differ",
    ]
    if verdict.differing:
        lines.append(f"  largest difference of a probability: {verdict.largest_difference:.3g}")
    lines += [
        f"  prediction {d.seq}, window ending at {d.end_s:.3f} s: {', '.join(d.fields)}"
        for d in verdict.differences
    ]
    lines += [f"  note: {note}" for note in verdict.notes]
    return "\n".join([*lines, *_versions(verdict)])


def _versions(verdict: "Verdict") -> list[str]:
    named = ("bundle", "runtime", "hadua", "numpy", "python", "onnxruntime", "processor")
    made = ", ".join(f"{n} {verdict.made_by[n]}" for n in named if verdict.made_by.get(n))
    lines = [f"  made by: {made}"]
    if not verdict.changed:
        return [*lines, "  computed again by the same"]
    told = [
        f"    {n}: {verdict.made_by.get(n) or 'unknown'} -> "
        f"{verdict.recomputed_by.get(n) or 'unknown'}"
        for n in verdict.changed
    ]
    return [*lines, "  computed again by others:", *told]
