"""What `sluice doctor` looks at on this machine: permissions, the masking key, certificates."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from sluice.edges.config import Config, ConfigError, Listener, policy_files
from sluice.edges.secrets import FileSecret, SecretError
from sluice.faces.cli.check import every_certificate, every_secret
from sluice.faces.cli.findings import Finding

_KEY_BYTES = 32
_KEY_VARIETY = 12
_SOON = timedelta(days=30)


def files(path: Path, config: Config) -> Iterator[Finding]:
    """Files that others could read or change."""
    private = [(place, secret.path) for place, secret in every_secret(config) if isinstance(secret, FileSecret)]
    private += [(place, path) for place, path in every_certificate(config) if place.endswith(".key")]
    private += [("audit.path", config.audit.path), ("audit.signing_key", config.audit.signing_key)]
    private.append(("audit.subject_keys", config.audit.subject_keys))
    if config.users_file is not None:
        private.append(("users_file", config.users_file))
    public = [("configuration", path), ("labels", config.labels), *_policies(config)]
    public += [(place, path) for place, path in every_certificate(config) if not place.endswith(".key")]
    # Whoever can change the keys of an issuer can be anybody.
    public += [("tokens", path) for issuer in config.tokens for path in (issuer.jwks, issuer.public_key) if path]
    found = [*_open(private, stat.S_IRWXG | stat.S_IRWXO, "0600"), *_open(public, stat.S_IWGRP | stat.S_IWOTH, "0644")]
    yield from found
    if not found:
        yield Finding("file permissions", "ok", "only their owner can read secrets or change files")


def key(config: Config) -> Iterator[Finding]:
    """Whether the masking key could be guessed."""
    try:
        value = config.masking.key.read()
    except SecretError:
        return  # Said where all secrets are read.
    raw = _unwritten(value)
    if len(raw) < _KEY_BYTES:
        yield Finding("masking key", "fail", f"{len(raw)} bytes; make one of {_KEY_BYTES} random bytes or more")
    elif len(set(raw)) < _KEY_VARIETY:
        yield Finding("masking key", "fail", "too regular to be random; make one with `openssl rand -hex 32`")
    else:
        yield Finding("masking key", "ok", f"{len(raw)} bytes")


def listener_certificates(config: Config) -> Iterator[Finding]:
    """Certificates that do not fit their key, or are or soon will be out of date."""
    for index, listener in enumerate(config.listeners):
        yield from _certificate(f"listener {index} ({listener.address}:{listener.port})", listener)


def _certificate(about: str, listener: Listener) -> Iterator[Finding]:
    if listener.tls is None:
        reach = "only this machine reaches it" if listener.loopback else "other machines reach it in clear"
        yield Finding(about, "note" if listener.loopback else "warn", f"no TLS; {reach}")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(listener.tls.cert, listener.tls.key, lambda: "")
        certificate = x509.load_pem_x509_certificate(listener.tls.cert.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not a certificate in PEM"
        yield Finding(about, "fail", f"its certificate and key cannot be used: {reason}")
        return
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    if now < certificate.not_valid_before_utc:
        yield Finding(about, "fail", "its certificate is not valid yet; is the clock right?")
    elif now > end:
        yield Finding(about, "fail", f"its certificate ran out on {end:%Y-%m-%d}")
    elif now > end - _SOON:
        yield Finding(about, "warn", f"its certificate runs out on {end:%Y-%m-%d}")
    else:
        yield Finding(about, "ok", f"its certificate is good until {end:%Y-%m-%d}")


def _policies(config: Config) -> list[tuple[str, Path]]:
    try:
        return [("policies", Path(path)) for path in policy_files(config)]
    except ConfigError:
        return []


def _open(paths: list[tuple[str, Path]], forbidden: int, wanted: str) -> Iterator[Finding]:
    for place, path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        if found.st_mode & forbidden:
            mode = "0700" if stat.S_ISDIR(found.st_mode) else wanted
            verb = "read" if forbidden & stat.S_IROTH else "change"
            yield Finding(
                place, "fail", f"others may {verb} `{path}` ({found.st_mode & 0o777:04o}); chmod it to {mode}"
            )
        if found.st_uid not in (os.geteuid(), 0):
            yield Finding(place, "warn", f"`{path}` belongs to another user of this machine")


def _unwritten(value: bytes) -> bytes:
    """The bytes that a key in hexadecimal stands for; others as they are."""
    try:
        return bytes.fromhex(value.decode("ascii"))
    except ValueError:
        return value
