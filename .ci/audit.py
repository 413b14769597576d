"""What is installed to run HADUA: licences against a list, a bill of materials, known weaknesses.

`make audit`. Licences and the bill are read from the packages' own metadata, without a network; the
weaknesses are asked of pip-audit where that is installed and its source answers, and else said to
be untried. It ends with 1 if a licence is not on the list or a weakness is known.
"""

import argparse
import json
import subprocess
import sys
import uuid
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "hadua"
EXTRAS = ("cpu", "evaluate")
ALLOWED = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC",
    "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
)  # fmt: skip
"""Those that ask for no more than to be named; MPL-2.0 asks for changes of its own files alone."""
SPELT = {
    **dict.fromkeys(
        ("apache 2.0", "apache license 2.0", "apache software license",
         "apache license, version 2.0",
         "apache-2.0 license", "apache software license 2.0", "apache license"), "Apache-2.0"),
    **dict.fromkeys(
        ("bsd license", "bsd", "3-clause bsd license", "bsd 3-clause", "new bsd",
         "modified bsd license"), "BSD-3-Clause"),
    **dict.fromkeys(("isc license (iscl)", "isc license"), "ISC"),
    **dict.fromkeys(("mit license", "the mit license"), "MIT"),
    **dict.fromkeys(("mozilla public license 2.0 (mpl 2.0)", "mpl 2.0"), "MPL-2.0"),
    **dict.fromkeys(("python software foundation license", "psf", "psfl"), "PSF-2.0"),
    "the unlicense (unlicense)": "Unlicense",
    "zlib/libpng license": "Zlib",
    "historical permission notice and disclaimer (hpnd)": "HPND",
}  # fmt: skip


def runtime(root: str = ROOT, extras: tuple[str, ...] = EXTRAS) -> dict[str, metadata.Distribution]:
    """The distributions that are installed and needed, by name, the root among them."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [(root, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, asked = waiting.pop()
        key = canonicalize_name(name), asked
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system, or an extra that nobody has installed
        waiting += needs(found[key[0]], asked)
    return found


def needs(
    distribution: metadata.Distribution, extras: frozenset[str]
) -> list[tuple[str, frozenset[str]]]:
    """What it says that it needs here, with the extras that it is asked for."""
    wanted = []
    for text in distribution.requires or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""}):
            wanted.append((needed.name, frozenset(needed.extras)))
    return wanted


def licence_of(distribution: metadata.Distribution) -> str:
    """Its licence as an SPDX expression, or what it says instead; empty if it says nothing."""
    said = distribution.metadata
    if expression := said.get("License-Expression"):
        return str(expression)
    rows = [c for c in said.get_all("Classifier") or () if c.startswith("License :: ")]
    texts = [row.rpartition(" :: ")[2] for row in rows if row != "License :: OSI Approved"]
    text = (said.get("License") or "").strip().splitlines()
    known = [SPELT.get(each.lower(), each) for each in (*texts, *text[:1])]
    fitting = [each for each in known if is_allowed(each)]
    return (fitting or known or [""])[0]


def is_allowed(expression: str) -> bool:
    """Whether an expression asks for nothing beyond the list."""
    plain = expression.replace("(", " ").replace(")", " ")
    return bool(plain.strip()) and all(
        any(choice.strip().partition(" WITH ")[0] in ALLOWED for choice in part.split(" OR "))
        for part in plain.split(" AND ")
    )


def bill(found: dict[str, metadata.Distribution], *, serial: uuid.UUID) -> dict[str, object]:
    """A bill of materials, CycloneDX 1.6."""
    root = found[canonicalize_name(ROOT)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": component(root, kind="application")},
        "components": [component(d) for name, d in sorted(found.items()) if d is not root],
        "dependencies": [
            {
                "ref": reference(distribution),
                "dependsOn": sorted(
                    {
                        reference(found[canonicalize_name(name)])
                        for name, _ in needs(distribution, frozenset(EXTRAS))
                        if canonicalize_name(name) in found
                    }
                ),
            }
            for _, distribution in sorted(found.items())
        ],
    }


def component(distribution: metadata.Distribution, *, kind: str = "library") -> dict[str, object]:
    """One entry of it."""
    licence = licence_of(distribution)
    told: dict[str, object] = {
        "type": kind,
        "bom-ref": reference(distribution),
        "name": distribution.name,
        "version": distribution.version,
        "purl": reference(distribution),
    }
    if licence:
        as_expression = is_allowed(licence)
        told["licenses"] = [
            {"expression": licence} if as_expression else {"license": {"name": licence[:200]}}
        ]
    return told


def reference(distribution: metadata.Distribution) -> str:
    """Its package URL."""
    return f"pkg:pypi/{canonicalize_name(distribution.name)}@{distribution.version}"


def weaknesses(found: dict[str, metadata.Distribution], folder: Path) -> tuple[bool | None, str]:
    """Whether pip-audit knows of any; None if it could not be asked, with why."""
    listed = folder / "installed.txt"
    lines = [f"{d.name}=={d.version}" for n, d in sorted(found.items()) if n != ROOT]
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip_audit", "--format", "json", "--no-deps", "--disable-pip"),
        *("--progress-spinner", "off", "--timeout", "15", "-r", str(listed)),
    ]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=300.0, check=False)
    except subprocess.TimeoutExpired:
        return None, "no answer within five minutes"
    return judged(asked.stdout, error=asked.stderr)


def judged(said: str, *, error: str = "") -> tuple[bool | None, str]:
    """What pip-audit's answer (JSON) means; see `weaknesses`."""
    try:
        each = json.loads(said)["dependencies"]
    except (ValueError, LookupError, TypeError):
        return None, (error.strip().splitlines() or ["pip-audit said nothing"])[-1][:200]
    weak = [f"{d['name']}: {v['id']}" for d in each for v in d.get("vulns", ())]
    skipped = [d["name"] for d in each if "skip_reason" in d]
    if weak:
        return True, ", ".join(weak)
    if skipped:
        return None, f"{len(skipped)} of {len(each)} are not known where it asked"
    return False, f"none known of {len(each)}"


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description="Audit what is installed to run HADUA.")
    parser.add_argument("--out", type=Path, default=Path("build/audit"), help="for what is made")
    parser.add_argument("--extra", action="append", default=[*EXTRAS], help="installed with it")
    parser.add_argument("--offline", action="store_true", help="do not ask for known weaknesses")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    found = runtime(extras=tuple(told.extra))
    refused = {n: licence_of(d) for n, d in found.items() if not is_allowed(licence_of(d))}
    materials = told.out / "sbom.cdx.json"
    materials.write_text(json.dumps(bill(found, serial=uuid.uuid4()), indent=1), encoding="utf-8")
    print(f"{len(found)} distributions are needed and installed; their bill: {materials}")
    for name, licence in refused.items():
        print(f"licence of {name}: {licence or 'it says nothing'}, which is not on the list")
    print("licences: all on the list" if not refused else f"licences: {len(refused)} not on it")
    known, said = (None, "not asked") if told.offline else weaknesses(found, told.out)
    print(f"known weaknesses: {'untried (' + said + ')' if known is None else said}")
    return int(bool(refused) or known is True)


if __name__ == "__main__":
    sys.exit(main())
