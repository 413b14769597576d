"""`make audit`: licences, a bill of materials that its schema takes, honest words on the rest."""

import importlib.util
import json
import sys
import uuid
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = Path(__file__).parents[1] / ".ci" / "audit.py"
    spec = importlib.util.spec_from_file_location("hadua_audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hadua_audit"] = module
    spec.loader.exec_module(module)
    return module


def test_every_licence_of_what_runs_is_on_the_list(audit: ModuleType) -> None:
    found = audit.runtime()
    assert {"hadua", "fastapi", "numpy", "onnxruntime", "torch", "pylsl"} <= set(found)
    assert not {"pytest", "mypy", "mkdocs"} & set(found)
    said = {name: audit.licence_of(distribution) for name, distribution in found.items()}
    assert not {name: text for name, text in said.items() if not audit.is_allowed(text)}


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("MIT", True), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False),
        ("(Apache-2.0 OR BSD-3-Clause) AND MIT", True), ("GPL-3.0-or-later", False),
        ("Apache-2.0 WITH LLVM-exception", True), ("LGPL-3.0-only", False), ("", False),
        ("Other/Proprietary License", False), ("AGPL-3.0 OR SSPL-1.0", False),
    ],
)  # fmt: skip
def test_a_licence_is_on_the_list_or_not(audit: ModuleType, text: str, allowed: bool) -> None:
    assert audit.is_allowed(text) is allowed


def test_the_bill_of_materials_is_what_its_schema_says(audit: ModuleType) -> None:
    import jsonschema_rs

    package = find_spec("cyclonedx")
    if package is None or package.origin is None:
        pytest.skip("cyclonedx-python-lib, which has the schema, is not installed")
    folder = Path(package.origin).parent / "schema" / "_res"
    known = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    named = [(str(k["$id"]), k) for k in known if "$id" in k]
    named += [(name.replace(".schema.json", ".SNAPSHOT.schema.json"), k) for name, k in named]
    validator = jsonschema_rs.validator_for(
        dict(named)[SCHEMA], registry=jsonschema_rs.Registry(named)
    )
    bill = json.loads(json.dumps(audit.bill(audit.runtime(), serial=uuid.UUID(int=1))))
    assert [str(error) for error in validator.iter_errors(bill)] == []
    names = {part["name"].lower() for part in bill["components"]}
    assert {"fastapi", "numpy", "torch"} <= names
    refs = {part["bom-ref"] for part in (*bill["components"], bill["metadata"]["component"])}
    assert refs >= {ref for row in bill["dependencies"] for ref in (row["ref"], *row["dependsOn"])}
    bill["components"][0]["type"] = "mystery"
    assert list(validator.iter_errors(bill))


@pytest.mark.parametrize(
    ("said", "known", "text"),
    [
        (
            '{"dependencies": [{"name": "a", "vulns": []}]}',
            False,
            "none known of 1",
        ),
        ('{"dependencies": [{"name": "a", "vulns": [{"id": "CVE-1"}]}]}', True, "a: CVE-1"),
        ('{"dependencies": [{"name": "a", "skip_reason": "x"}]}', None, "1 of 1 are not known"),
        ("", None, "no such host"),
    ],
)
def test_what_could_not_be_asked_is_not_called_good(
    audit: ModuleType, said: str, known: bool | None, text: str
) -> None:
    judged, why = audit.judged(said, error="warning\nno such host")
    assert judged is known
    assert text in why
