"""What the tour plays on: the database with the company in it, the gateway's files, the gateway itself."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from sluice.edges.scanning import Scan, label
from sluice.faces.demo import company
from sluice.testing.gateway import RunningGateway, starter_policies, verifier
from sluice.testing.postgres import PostgresServer

ISSUER = "https://login.example.com"
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
        self._gateway: RunningGateway | None = None
        self._key = generate_private_key(SECP256R1())
        self.visitors: tuple[Visitor, ...] = ()

    def __enter__(self) -> Stage:
        self._said("starting a PostgreSQL 18 of its own")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._server.start()
        try:
            self._load()
            self._scan()
            self._gateway = self._configure()
            self._said("starting the gateway before it")
            self._gateway.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the gateway, then the database."""
        if self._gateway is not None:
            self._gateway.stop()
        self._server.stop()

    @property
    def gateway(self) -> RunningGateway:
        """The gateway, once the stage is built; RuntimeError before."""
        if self._gateway is None:
            raise RuntimeError("the stage is not built")
        return self._gateway

    def dsn(self, visitor: Visitor, password: bool = True) -> str:
        """The connection string of a visitor."""
        secret = f" password={visitor.password}" if password else ""
        purpose = f" options='-c sluice.purpose={visitor.purpose}'"
        return f"host=127.0.0.1 port={self.gateway.port} dbname=company user={visitor.user}{secret}{purpose}"

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

    def _scan(self) -> None:
        """Finds what is sensitive; nobody labels a column by hand here."""
        with psycopg.connect(self._server.dsn("company"), autocommit=True) as connection:
            scan = Scan(connection, seconds=30)
            done = label("company", scan, scan.tables(), self.log)
        self._said(f"scanning {done.tables} tables: {done.labelled} sensitive columns found and labelled")

    def _configure(self) -> RunningGateway:
        self._said("writing sluice.yaml, labels and the starter policies")
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        sam, dora = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
        self.visitors = (
            Visitor("support", "sam", sam, "ticket"),
            Visitor("data scientist", "dana", self._token("dana", None, "analytics"), "analytics"),
            Visitor("DBA", "dora", dora, "maintenance"),
            Visitor("training agent for dana", "trainer", self._token("dana", "trainer", "fine-tuning"), "fine-tuning"),
        )
        files = {**starter_policies(), "labels.yaml": LABELS, "issuer.pem": public.decode()}
        return RunningGateway(self.folder, self._config(sam, dora), files=files, classification="{}")

    def _config(self, sam: str, dora: str) -> str:
        return f"""\
sources:
  company: {{host: 127.0.0.1, port: {self._server.port}, environment: production, user: gateway}}
users:
  sam: {{groups: [support], scram: "{verifier(sam)}"}}
  dana: {{groups: [data-science]}}
  dora: {{groups: [dba], scram: "{verifier(dora)}"}}
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
