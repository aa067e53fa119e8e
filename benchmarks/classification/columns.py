"""Labelled columns: telling and untelling names, values of one kind, and the columns that every database has besides."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from . import values as made


@dataclass(frozen=True, slots=True)
class Column:
    """A column with a sample of its values, and its label; None: it has none."""

    name: str
    type_name: str
    values: list[bytes]
    label: str | None


_POSITIVE: list[tuple[list[str], str, made.Maker, str]] = [
    (["email", "contact_email", "mail", "c4", "login"], "text", made.email, "pii.email"),
    (["phone", "mobile_number", "tel", "c9"], "text", made.phone_international, "pii.phone"),
    (["full_name", "customerName", "last_name"], "text", made.name, "pii.name"),
    (["address", "street", "shipping_address"], "text", made.address, "pii.address"),
    (["birth_date", "dob", "date_of_birth"], "date", lambda c: str(date(1950, 1, 1) + timedelta(days=c.randrange(20_000))), "pii.birth_date"),
    (["ssn", "national_id", "x_17"], "text", made.NATIONAL[0][1], "pii.national_id"),
    (["cpf", "doc", "tax_id"], "text", made.NATIONAL[5][1], "pii.national_id"),
    (["card_number", "cc_num", "pan", "f3"], "text", made.card, "pci.pan"),
    (["iban", "payout_account", "f5"], "text", made.iban, "pci.iban"),
    (["ip_address", "client_ip", "src"], "inet", made.PERSONAL[7][1], "pii.ip_address"),
    (["salary", "annual_salary"], "integer", lambda c: str(c.randrange(30, 200) * 1000), "hr.salary"),
    (["password_hash", "pw"], "text", made.SECRETS[13][1], "secret.password_hash"),
    (["github", "value"], "text", made.SECRETS[1][1], "secret.token"),
    (["notes", "body", "description", "message"], "text", lambda c: f"{made.NEGATIVE[10][1](c)} {made.email(c)} {made.NEGATIVE[10][1](c)}", "pii.free_text"),
    (["payload", "data"], "jsonb", lambda c: f'{{"id": {made.digits(c, 6)}, "to": {{"mail": "{made.email(c)}"}}}}', "pii.free_text"),
]  # fmt: skip

_NEGATIVE: list[tuple[list[str], str, made.Maker]] = [
    (["id", "order_id", "invoice_no"], "bigint", lambda c: made.digits(c, 9)),
    (["order_no", "reference", "external_ref"], "text", lambda c: made.digits(c, 12)),
    (["uuid", "request_id"], "text", lambda c: str(uuid.UUID(int=c.getrandbits(128)))),
    (["created_at", "birthday_mail_sent_at"], "timestamp with time zone", lambda c: f"2026-01-02 10:00:{c.randrange(10, 60)}+00"),
    (["sha256", "checksum", "etag"], "text", lambda c: made._hex(64)(c)),
    (["version", "sdk_version"], "text", lambda c: f"{c.randrange(9)}.{c.randrange(20)}.{c.randrange(99)}"),
    (["price", "amount", "balance"], "numeric", lambda c: f"{c.uniform(1, 9999):.2f}"),
    (["status", "email_status", "card_type", "phone_model"], "text", lambda c: c.choice(["new", "open", "closed", "bounced"])),
    (["email_verified", "has_password"], "boolean", lambda c: c.choice(["true", "false"])),
    (["product_name", "file_name", "title"], "text", lambda c: c.choice(["Blue Chair", "Large Table", "report.pdf", "Lamp"])),
    (["city", "country", "currency"], "text", lambda c: c.choice(["Springfield", "EUR", "USD", "Metropolis"])),
    (["body", "description"], "text", lambda c: made.NEGATIVE[10][1](c)),
    (["settings", "meta"], "jsonb", lambda c: f'{{"theme": "dark", "size": {made.digits(c, 7)}}}'),
    (["sku", "barcode"], "text", lambda c: made.digits(c, 13)),
    (["path", "url"], "text", lambda c: f"https://example.com/items/{made.digits(c, 8)}"),
]  # fmt: skip


def columns(seed: int, each: int, rows: int = 60) -> Iterator[Column]:
    """`each` columns of every name, with so many values."""
    chance = random.Random(seed)
    for names, type_name, make, label in _POSITIVE:
        for column in names:
            for _ in range(each):
                yield Column(column, type_name, [make(chance).encode() for _ in range(rows)], label)
    for names, type_name, make in _NEGATIVE:
        for column in names:
            for _ in range(each):
                yield Column(column, type_name, [make(chance).encode() for _ in range(rows)], None)
