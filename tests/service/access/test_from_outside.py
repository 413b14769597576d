"""The real command on an address that others can reach, with HTTPS; and `hadua tokens`."""

import ipaddress
import json
import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.serving import process

HADUA = (str(Path(sys.executable).with_name("hadua")),)


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "booth")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def hadua(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HADUA, *arguments], capture_output=True, text=True, timeout=60.0, check=False
    )


def test_a_service_for_others_shows_its_first_token_once_and_speaks_https(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    config, data = tmp_path / "hadua.toml", tmp_path / "data"
    config.write_text(
        f"host = '0.0.0.0'\nport = 0\ntls_cert = '{cert}'\ntls_key = '{key}'\n"
        f"data_dir = '{data}'\nlog_level = 'error'\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "hadua.service.cli.serve", "--config", str(config)]
    with process(command) as service:
        shown = service.line()
        url = re.sub(r".*(https://\S+)", r"\1", service.line()).strip()
        token = shown.rpartition(" ")[2].strip()
        verify = ssl.create_default_context(cafile=str(cert))
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, verify=verify) as client:
            nobody = client.get("/api/v1/sessions")
            somebody = client.get("/api/v1/whoami", headers=headers)
        listed = hadua("tokens", "list", "--json", "--data-dir", str(data))
        made = hadua("tokens", "add", "booth-7", "--role", "operator", "--data-dir", str(data))
    with process(command) as service:
        second_start = service.line()

    assert nobody.status_code == 401
    assert somebody.json()["role"] == "admin"
    assert [t["name"] for t in json.loads(listed.stdout)] == ["first-admin"]
    assert made.stdout.startswith("hadua_")
    assert second_start.startswith("hadua is ready")


def test_commands_about_tokens_say_what_is_wrong(tmp_path: Path) -> None:
    nowhere = hadua("tokens", "list", "--data-dir", str(tmp_path / "nowhere"))
    unknown = hadua("tokens", "revoke", "nobody", "--data-dir", str(tmp_path))
    name = hadua("tokens", "add", "a b", "--data-dir", str(tmp_path))

    assert (nowhere.returncode, unknown.returncode, name.returncode) == (2, 1, 2)
    assert "is not there" in nowhere.stderr
    assert "no token 'nobody' is in force" in unknown.stderr
    assert "expected 1 to 64 letters" in name.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_cert = 'cert.pem'", "HTTPS needs two files"),
        ("tls_cert = 'nowhere.pem'\ntls_key = 'nowhere.pem'", "No such file"),
    ],
)
def test_https_that_cannot_be_ends_the_start_in_words(
    tmp_path: Path, text: str, message: str
) -> None:
    config = tmp_path / "hadua.toml"
    config.write_text(f"port = 0\ndata_dir = '{tmp_path}'\n{text}\n", encoding="utf-8")

    ended = hadua("serve", "--config", str(config))

    assert ended.returncode == 2
    assert message in ended.stderr
