"""The files that HTTPS needs, looked at before anything starts."""

import ssl
from pathlib import Path

import structlog

from hadua.models.errors import UsageError
from hadua.service.access.places import is_loopback
from hadua.service.config import Settings

_log = structlog.get_logger("hadua.tls")


def tls_files(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate and key, or None for plain HTTP; says so where that can be listened to.

    Raises:
        UsageError: one without the other, or files that do not belong together.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        if not is_loopback(settings.host):
            _log.warning(
                "not encrypted: whoever shares the network can read predictions and tokens",
                hint="Set tls_cert and tls_key.",
            )
        return None
    if cert is None or key is None:
        raise UsageError(
            "HTTPS needs two files",
            got=f"tls_cert={cert!s}, tls_key={key!s}",
            expected="both tls_cert and tls_key",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"certificate {str(cert)!r} with key {str(key)!r}",
            got=error.strerror or str(error),
            expected="a certificate and its private key, PEM, without a pass phrase",
        ) from error
    return cert, key
