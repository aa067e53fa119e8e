"""What the tour plays on: the database with the company in it, the gateway's files, the gateway itself."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from sluice.engines.postgres.scram import Verifier
from sluice.faces.demo import company
from sluice.testing.postgres import PostgresServer

ISSUER = "https://login.example.com"
READY_SECONDS = 30.0
TOKEN_SECONDS = 8 * 3600

LABELS = """\
labels:
  pii: redact
  pii.name: pseudonym
  pii.email: email
  pii.phone: {mask: partial, params: {keep_last: 2}}
  pii.address: redact
  pii.birth_date: {mask: generalize, params: {unit: year}}
  pii.national_id: {mask: partial, params: {keep_last: 4}}
  pii.free_text: scrub
  hr.salary: {mask: generalize, params: {width: 10000}}
  pci.pan: {mask: partial, params: {keep_last: 4}}
  pci.iban: {mask: partial, params: {keep_last: 4}}
  secret: "null"

columns:
  company:
    public.customers.full_name: pii.name
    public.customers.email: pii.email
    public.customers.phone: pii.phone
    public.customers.address: pii.address
    public.customers.birth_date: pii.birth_date
    public.customers.national_id: pii.national_id
    public.payments.card_number: pci.pan
    public.payments.iban: pci.iban
    public.tickets.body: pii.free_text
    public.staff.full_name: pii.name
    public.staff.email: pii.email
    public.staff.salary: hr.salary
    public.staff.birth_date: pii.birth_date
    public.api_credentials.api_key: secret
    public.api_credentials.password_hash: secret
    public.prompt_log.prompt: pii.free_text
"""


@dataclass(frozen=True, slots=True)
class Visitor:
    """One of the four: how they log in, and what for."""

    title: str
    user: str
    password: str
    purpose: str


class Stage:
    """Built on enter, torn down on exit. `said` is told what is being done."""

    def __init__(self, folder: Path, said: Callable[[str], None]) -> None:
        self.folder = folder
        self.log = folder / "audit"
        self._said = said
        self._server = PostgresServer(folder / "postgres")
        self._gateway: subprocess.Popen[bytes] | None = None
        self._key = generate_private_key(SECP256R1())
        self.port = _free_port()
        self.admin = _free_port()
        self.visitors: tuple[Visitor, ...] = ()

    def __enter__(self) -> Stage:
        self._said("starting a PostgreSQL 18 of its own")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._server.start()
        try:
            self._load()
            self._configure()
            self._serve()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the gateway, then the database."""
        if self._gateway is not None and self._gateway.poll() is None:
            self._gateway.send_signal(signal.SIGTERM)
            self._gateway.wait(60)
        self._server.stop()

    def dsn(self, visitor: Visitor, password: bool = True) -> str:
        """The connection string of a visitor."""
        secret = f" password={visitor.password}" if password else ""
        purpose = f" options='-c sluice.purpose={visitor.purpose}'"
        return f"host=127.0.0.1 port={self.port} dbname=company user={visitor.user}{secret}{purpose}"

    def psql(self) -> str:
        """A psql to go on by hand with."""
        return shutil.which("psql") or str(self._server.binaries / "psql")

    def _load(self) -> None:
        self._server.psql("create database company; create role gateway login nosuperuser")
        with psycopg.connect(self._server.dsn("company")) as connection:
            connection.execute(company.SCHEMA.encode())
            for table, size in company.SIZES.items():
                self._said(f"loading {size:,} rows of {table}")
                with connection.cursor().copy(f"copy {table} from stdin".encode()) as copy:
                    for row in company.rows(table):
                        copy.write_row(row)
            connection.execute(
                "grant all on all tables in schema public to gateway; grant usage, create on schema public to gateway"
            )

    def _configure(self) -> None:
        self._said("writing sluice.yaml, labels and the starter policies")
        policies = self.folder / "policies"
        policies.mkdir()
        for found in resources.files("sluice.policy.starter").iterdir():
            if found.name.endswith(".cedar"):
                (policies / found.name).write_text(found.read_text())
        (self.folder / "labels.yaml").write_text(LABELS)
        (self.folder / "masking.key").write_bytes(secrets.token_bytes(32))
        (self.folder / "masking.key").chmod(0o600)
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "issuer.pem").write_bytes(public)
        sam, dora = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
        self.visitors = (
            Visitor("support", "sam", sam, "ticket"),
            Visitor("data scientist", "dana", self._token("dana", None, "analytics"), "analytics"),
            Visitor("DBA", "dora", dora, "maintenance"),
            Visitor("training agent for dana", "trainer", self._token("dana", "trainer", "fine-tuning"), "fine-tuning"),
        )
        (self.folder / "sluice.yaml").write_text(self._config(sam, dora))
        (self.folder / "sluice.yaml").chmod(0o600)

    def _config(self, sam: str, dora: str) -> str:
        return f"""\
listeners: [{{address: 127.0.0.1, port: {self.port}}}]
admin: {{port: {self.admin}}}
sources:
  company: {{host: 127.0.0.1, port: {self._server.port}, environment: production, user: gateway}}
users:
  sam: {{groups: [support], scram: "{_verifier(sam)}"}}
  dana: {{groups: [data-science]}}
  dora: {{groups: [dba], scram: "{_verifier(dora)}"}}
  trainer: {{kind: agent, groups: [training]}}
tokens:
  - {{issuer: "{ISSUER}", audience: sluice, public_key: issuer.pem, algorithms: [ES256]}}
masking: {{key: {{file: masking.key}}}}
audit: {{path: audit}}
"""

    def _token(self, user: str, agent: str | None, purpose: str) -> str:
        """A token as a login service would give it; `act` says that an agent acts for the user (RFC 8693)."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER, "aud": "sluice", "sub": user, "iat": now, "exp": now + TOKEN_SECONDS, "purpose": [purpose],
        }  # fmt: skip
        if agent is not None:
            claims["act"] = {"sub": agent}
        return jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(self._pem()), algorithms=["ES256"])

    def _pem(self) -> bytes:
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _serve(self) -> None:
        self._said("starting the gateway before it")
        command = [sys.executable, "-c", "from sluice.faces.cli.main import run; run()", "serve", "--config"]
        with (self.folder / "gateway.log").open("wb") as errors:
            self._gateway = subprocess.Popen(
                [*command, str(self.folder / "sluice.yaml")], stderr=errors, env=os.environ
            )
        until = time.monotonic() + READY_SECONDS
        while not self._ready():
            if self._gateway.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the gateway did not start: " + (self.folder / "gateway.log").read_text())
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _verifier(password: str) -> str:
    return str(Verifier.make(password, secrets.token_bytes(16)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
