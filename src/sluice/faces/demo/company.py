"""The sample company: 51,000 rows out of one seed. Nobody in it exists; mail ends in example.com, cards are the networks' test numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

SEED = 20_260_101

SCHEMA = """
create table customers (id int primary key, full_name text not null, email text not null, phone text, address text,
    birth_date date, national_id text, plan text not null, created date not null);
create table payments (id int primary key, customer_id int not null references customers, card_number text not null,
    iban text, amount numeric(10, 2) not null, currency char(3) not null, paid_on date not null, status text not null);
create table tickets (id int primary key, customer_id int not null references customers, subject text not null,
    body text not null, status text not null, opened date not null);
create table staff (id int primary key, full_name text not null, email text not null, team text not null, title text not null,
    salary int not null, birth_date date not null);
create table api_credentials (id int primary key, service text not null, environment text not null, api_key text not null,
    password_hash text, rotated date not null);
create table prompt_log (id int primary key, staff_id int not null references staff, model text not null, prompt text not null,
    answer text not null, asked timestamptz not null);
create view revenue as select date_trunc('month', paid_on)::date as month, currency, sum(amount) as total, count(*) as payments
    from payments where status = 'settled' group by 1, 2;
"""

SIZES = {
    "customers": 8_000,
    "payments": 30_000,
    "tickets": 8_000,
    "staff": 400,
    "api_credentials": 60,
    "prompt_log": 5_000,
}

_FIRST = (
    "Aster", "Basil", "Cedar", "Clover", "Dahlia", "Fern", "Hazel", "Iris", "Juniper", "Laurel", "Linden", "Maple", "Myrtle",
    "Olive", "Reed", "Rowan", "Sage", "Sorrel", "Tansy", "Yarrow",
)  # fmt: skip
_LAST = (
    "Anvil", "Bellows", "Chisel", "Dowel", "Ferrule", "Gimlet", "Hinge", "Jigsaw", "Ladle", "Mallet", "Niblick", "Pulley",
    "Ratchet", "Spindle", "Trowel", "Wrench",
)  # fmt: skip
_STREETS = ["Quarry Lane", "Mill Road", "Harbour Street", "Kiln Way", "Orchard Row", "Station Square"]
_CARDS = ("4242424242424242", "4111111111111111", "5555555555554444", "378282246310005", "6011111111111117")
_SUBJECTS = ("cannot log in", "charged twice", "change of address", "export my data", "card declined", "slow dashboard")
_TEAMS = ("support", "platform", "data", "finance", "sales")

Row = tuple[object, ...]


def rows(table: str) -> Iterator[Row]:
    """All rows of a table, the same at every call."""
    # Not for secrets: a fixed seed is the point.
    chance = random.Random(f"{SEED}:{table}")  # noqa: S311
    make = {
        "customers": _customer,
        "payments": _payment,
        "tickets": _ticket,
        "staff": _staff,
        "api_credentials": _credential,
        "prompt_log": _prompt,
    }[table]
    return (make(number, chance) for number in range(1, SIZES[table] + 1))


def _name(chance: random.Random) -> tuple[str, str]:
    return chance.choice(_FIRST), chance.choice(_LAST)


def _email(first: str, last: str, number: int) -> str:
    return f"{first}.{last}{number}@example.com".lower()


def _phone(chance: random.Random) -> str:
    return f"+1 555-{chance.randrange(100, 999)}-{chance.randrange(1000, 9999)}"


def _day(chance: random.Random, first: int, last: int) -> date:
    return date(first, 1, 1) + timedelta(days=chance.randrange(365 * (last - first)))


def _customer(number: int, chance: random.Random) -> Row:
    first, last = _name(chance)
    address = f"{chance.randrange(1, 200)} {chance.choice(_STREETS)}, Exampletown"
    national = f"9{chance.randrange(10, 99)}-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}"
    plan = chance.choice(("free", "team", "business"))
    return (
        number, f"{first} {last}", _email(first, last, number), _phone(chance), address, _day(chance, 1950, 2005), national, plan,
        _day(chance, 2021, 2026),
    )  # fmt: skip


def _iban(chance: random.Random) -> str:
    account = chance.randrange(10**17, 10**18)
    # The check digits make the whole leave 1 when divided by 97 (ISO 13616); D and E count 13 and 14.
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


def _payment(number: int, chance: random.Random) -> Row:
    iban = _iban(chance) if chance.random() < 0.3 else None
    status = chance.choices(("settled", "refunded", "failed"), (90, 4, 6))[0]
    amount = f"{chance.randrange(500, 90_000) / 100:.2f}"
    customer = chance.randrange(1, SIZES["customers"] + 1)
    return (
        number,
        customer,
        chance.choice(_CARDS),
        iban,
        amount,
        chance.choice(("EUR", "USD")),
        _day(chance, 2023, 2026),
        status,
    )


def _ticket(number: int, chance: random.Random) -> Row:
    first, last = _name(chance)
    body = chance.choice(
        (
            f"Hello, I am {first}. Please write to {_email(first, last, number)} or call {_phone(chance)}.",
            f"My card {chance.choice(_CARDS)} was charged twice this month.",
            "The dashboard takes a minute to load since yesterday.",
            f"I moved to {chance.randrange(1, 200)} {chance.choice(_STREETS)}; my number is still {_phone(chance)}.",
        )
    )
    customer = chance.randrange(1, SIZES["customers"] + 1)
    return number, customer, chance.choice(_SUBJECTS), body, chance.choice(("open", "closed")), _day(chance, 2024, 2026)


def _staff(number: int, chance: random.Random) -> Row:
    first, last = _name(chance)
    team = chance.choice(_TEAMS)
    title = chance.choice(("engineer", "analyst", "lead", "agent"))
    return (
        number,
        f"{first} {last}",
        _email(first, last, 90_000 + number),
        team,
        title,
        chance.randrange(38, 160) * 1000,
        _day(chance, 1960, 2003),
    )


def _key(chance: random.Random) -> str:
    return "sk-demo-" + "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32))


def _credential(number: int, chance: random.Random) -> Row:
    service = chance.choice(("billing", "mailer", "warehouse", "search"))
    digest = "".join(chance.choices("0123456789abcdef", k=64))
    return number, service, chance.choice(("production", "staging")), _key(chance), digest, _day(chance, 2025, 2026)


def _prompt(number: int, chance: random.Random) -> Row:
    first, last = _name(chance)
    prompt = chance.choice(
        (
            f"Write a friendly reply to {_email(first, last, number)} about a refund.",
            f"Why does this fail: curl -H 'Authorization: Bearer {_key(chance)}'?",
            "Summarise our refund policy in three sentences.",
            f"Is {chance.choice(_CARDS)} a valid card number?",
        )
    )
    asked = f"2026-0{chance.randrange(1, 9)}-{chance.randrange(10, 28)} 1{chance.randrange(0, 9)}:30:00+00"
    return number, chance.randrange(1, SIZES["staff"] + 1), "demo-model", prompt, "Here is a draft.", asked
