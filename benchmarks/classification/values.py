"""Labelled texts: sensitive values in many forms, and what only looks like them. Numbers get their check digits from python-stdnum."""

from __future__ import annotations

import base64
import hashlib
import importlib
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from stdnum import luhn

Chance = random.Random
Maker = Callable[[Chance], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text, and the label of the one value in it; None: there is none."""

    text: str
    label: str | None
    what: str


def digits(chance: Chance, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def letters(chance: Chance, count: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(chance.choices(of, k=count))


FIRST = [
    "Ada",
    "Brunhild",
    "Carlos",
    "Dewi",
    "Esra",
    "Fumiko",
    "Giulia",
    "Hamza",
    "Ingrid",
    "Jomo",
    "Katya",
    "Liam",
    "Mei",
    "Noor",
    "Oluwa",
]
LAST = [
    "Abernathy",
    "Bergström",
    "Castellanos",
    "Dragomir",
    "Eriksen",
    "Fitzgerald",
    "Gunawan",
    "Haddad",
    "Ivanova",
    "Jankowski",
    "Keller",
    "Lindqvist",
]
DOMAINS = ["example.com", "example.org", "mail.example.net", "corp.example.co.uk", "example.edu", "shop.example.io"]


def name(chance: Chance) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(LAST)}"


def email(chance: Chance) -> str:
    first, last = chance.choice(FIRST).lower(), chance.choice(LAST).lower().replace("ö", "oe")
    local = chance.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{chance.randrange(99)}",
            f"{first}+{letters(chance, 4)}",
            last.upper(),
        ]
    )
    return f"{local}@{chance.choice(DOMAINS)}"


def phone_international(chance: Chance) -> str:
    area, exchange, line = chance.randrange(201, 989), chance.randrange(200, 999), chance.randrange(1000, 9999)
    return chance.choice(
        [
            f"+1 {area}-{exchange}-{line}", f"+1({area}){exchange}-{line}", f"+1{area}{exchange}{line}", f"+44 20 7{exchange} {line}",
            f"+49 30 {line}{exchange}", f"+33 6 {exchange // 10} {line // 100} {line % 90 + 10} {area // 10}", f"+91 98{exchange} {line}1",
            f"+3491{exchange}{line}", f"+61 4{exchange // 10} {area} {exchange}",
        ]
    )  # fmt: skip


def phone_national(chance: Chance) -> str:
    area, exchange, line = chance.randrange(201, 989), chance.randrange(200, 999), chance.randrange(1000, 9999)
    return chance.choice([f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}", f"020 7{digits(chance, 3)} {digits(chance, 4)}", f"07{digits(chance, 3)} {digits(chance, 6)}", f"06 {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 2)}"])  # fmt: skip


def card(chance: Chance) -> str:
    begin, length = chance.choice(
        [
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2223", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("3530", 16),
            ("36", 14),
        ]
    )
    body = begin + digits(chance, length - len(begin) - 1)
    whole = body + luhn.calc_check_digit(body)
    if length == 16 and chance.random() < 0.5:
        return chance.choice([" ", "-"]).join(whole[at : at + 4] for at in range(0, 16, 4))
    if length == 15 and chance.random() < 0.5:
        return f"{whole[:4]} {whole[4:10]} {whole[10:]}"
    return whole


def iban(chance: Chance) -> str:
    country, bban = chance.choice(
        [("DE", 18), ("NL", -10), ("FR", 23), ("ES", 20), ("BE", 12), ("AT", 16), ("PL", 24), ("GB", -14), ("CH", 17)]
    )
    body = digits(chance, bban) if bban > 0 else letters(chance, 4, string.ascii_uppercase) + digits(chance, -bban)
    number = "".join(str(int(char, 36)) for char in f"{body}{country}00")
    whole = f"{country}{98 - int(number) % 97:02}{body}"
    return whole if chance.random() < 0.5 else " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def valid(country: str, module: str, length: int, form: str = "") -> Maker:
    """Numbers that python-stdnum takes for valid, found by trying; `form` places the digits."""
    known = importlib.import_module(f"stdnum.{country}.{module}")

    def make(chance: Chance) -> str:
        while True:
            number = digits(chance, length - 2)
            born = date(1940, 1, 1) + timedelta(days=chance.randrange(22_000))
            if module in ("pesel", "personnummer", "nn"):
                number = born.strftime("%y%m%d") + number[6:]
            elif module == "ric":
                number = "110105" + born.strftime("%Y%m%d") + number[14:]
            elif module in ("fodselsnummer", "cpr"):
                number = born.strftime("%d%m%y") + number[6:]
            elif module == "nir":
                number = chance.choice("12") + born.strftime("%y%m") + "75" + number[7:]
            for last in range(100):
                whole = f"{number}{last:02}"
                if known.is_valid(whole):
                    return form.format(*whole) if form else whole
        raise AssertionError

    return make


NATIONAL: list[tuple[list[str], Maker]] = [
    (["My SSN is {}", "SSN: {}", "social security number {}", '"ssn": "{}"'], lambda c: f"{c.randrange(1, 665):03}-{c.randrange(1, 99):02}-{c.randrange(1, 9999):04}"),
    (["BSN {}", "burgerservicenummer: {}"], valid("nl", "bsn", 9)),
    (["Steuer-ID: {}", "meine IdNr ist {}"], valid("de", "idnr", 11)),
    (["PESEL: {}", "pesel {}"], valid("pl", "pesel", 11)),
    (["CPF {}", "meu cpf: {}"], valid("br", "cpf", 11)),
    (["{} is on file", "document {}"], valid("br", "cpf", 11, "{}{}{}.{}{}{}.{}{}{}-{}{}")),
    (["Aadhaar: {}", "aadhaar number {}"], valid("in_", "aadhaar", 12, "{}{}{}{} {}{}{}{} {}{}{}{}")),
    (["rijksregisternummer {}", "NN {}"], valid("be", "nn", 11, "{}{}.{}{}.{}{}-{}{}{}.{}{}")),
    (["SIN {}", "social insurance number: {}"], valid("ca", "sin", 9, "{}{}{}-{}{}{}-{}{}{}")),
    (["TFN {}", "tax file number (TFN): {}"], valid("au", "tfn", 9, "{}{}{} {}{}{} {}{}{}")),
    (["kimlik no {}", "TCKN: {}"], valid("tr", "tckimlik", 11)),
    (["fodselsnummer {}", "fnr: {}"], valid("no", "fodselsnummer", 11)),
    (["NIR : {}", "numéro de sécu (NIR) {}"], valid("fr", "nir", 15)),
    (["personnummer {}", "{} söker bostad"], valid("se", "personnummer", 10, "{}{}{}{}{}{}-{}{}{}{}")),
    (["身份证 {}", "resident id {}"], valid("cn", "ric", 18)),
    (["NIF: {}", "contribuinte {}"], valid("pt", "nif", 9)),
    (["DNI {}", "mi dni es {}"], lambda c: (lambda n: f"{n:08}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}")(c.randrange(10**7, 10**8))),
    (["NI number {}", "national insurance no. {}"], lambda c: f"{c.choice(['AB', 'JK', 'SG', 'PW'])}{digits(c, 6)}{c.choice('ABCD')}"),
]  # fmt: skip


def _hex(count: int) -> Maker:
    return lambda chance: letters(chance, count, "0123456789abcdef")


SECRETS: list[tuple[list[str], Maker, str]] = [
    (["{}", "key={}", "use {} for s3"], lambda c: "AKIA" + letters(c, 16, string.ascii_uppercase + "234567"), "secret.api_key"),
    (["{}", "token {} leaked"], lambda c: "ghp_" + letters(c, 36), "secret.token"),
    (["{}", "GITLAB {}"], lambda c: "glpat-" + letters(c, 20), "secret.token"),
    (["{}", "bot {}"], lambda c: "xoxb-" + digits(c, 12) + "-" + letters(c, 24), "secret.token"),
    (["{}", "stripe.api_key = '{}'"], lambda c: "sk_live_" + letters(c, 24), "secret.api_key"),
    (["{}", "openai.api_key='{}'"], lambda c: "sk-" + letters(c, 48), "secret.api_key"),
    (["{}", "x-api-key: {}"], lambda c: "sk-ant-api03-" + letters(c, 80), "secret.api_key"),
    (["{}", "HF {}"], lambda c: "hf_" + letters(c, 34), "secret.token"),
    (["{}", "//registry/:_authToken={}"], lambda c: "npm_" + letters(c, 36), "secret.token"),
    (["{}", "cookie {}"], lambda c: ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"%d"}' % c.randrange(10**6), c.randbytes(32))), "secret.token"),
    (["{}"], lambda c: "-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(c.randbytes(300)).decode() + "-----END RSA PRIVATE KEY-----", "secret.private_key"),
    (["DATABASE_URL {}", "connect to {} please"], lambda c: f"postgresql://app:{letters(c, 12)}@db.internal/main", "secret.connection"),
    (["password: {}", "my password is {}", "pwd={}"], lambda c: letters(c, 11), "secret.password"),
    (["{}", "hash {}"], lambda c: "$2b$12$" + letters(c, 53, string.ascii_letters + string.digits + "./"), "secret.password_hash"),
    (["api_key = {}", "client_secret: {}"], lambda c: letters(c, 40), "secret.api_key"),
]  # fmt: skip


def address(chance: Chance) -> str:
    return f"{chance.randrange(1, 9000)} {chance.choice(['Maple', 'Oak Hill', 'Station', 'Kings', 'Lakeview'])} {chance.choice(['Street', 'Ave', 'Road', 'Lane', 'Blvd'])}"


def born(chance: Chance) -> str:
    day = date(1940, 1, 1) + timedelta(days=chance.randrange(24_000))
    return day.strftime(chance.choice(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y"]))


PERSONAL: list[tuple[list[str], Maker, str]] = [
    (["{}", "write to {}", "From: <{}>", "contact {} or wait", '{{"user": "{}"}}'], email, "pii.email"),
    (["{}", "call {} now", "Tel: {}", "reach me at {}."], phone_international, "pii.phone"),
    (["call {}", "phone: {}", "my mobile is {}", "Tel. {}"], phone_national, "pii.phone"),
    (["my name is {}", "Customer name: {}", "Patient: {}", "Hello, I am {}."], name, "pii.name"),
    (["Dear Mr. {},", "ask Dr. {}", "seen by Mrs {}"], lambda c: c.choice(LAST[:1] + LAST[2:]), "pii.name"),
    (["ship to {}", "I live at {}.", "Address: {}"], address, "pii.address"),
    (["born {}", "DOB: {}", "date of birth {}", "birthday: {}"], born, "pii.birth_date"),
    (["login from {}", "{} - - GET /", "client ip {}"], lambda c: ".".join(str(c.randrange(11, 223)) for _ in range(4)), "pii.ip_address"),
    (["mac {}", "device {} joined"], lambda c: ":".join(f"{c.randrange(256):02x}" for _ in range(6)), "pii.device"),
    (["seen at {}", "location: {}"], lambda c: f"{c.uniform(-89, 89):.6f}, {c.uniform(-179, 179):.6f}", "pii.location"),
    (["passport {}", "Passport No: {}"], lambda c: c.choice([digits(c, 9), letters(c, 2, string.ascii_uppercase) + digits(c, 7)]), "pii.passport"),
    (["{}", "charge {} please", "card: {}", "pay with {}", '{{"pan": "{}"}}'], card, "pci.pan"),
    (["CVV: {}", "security code is {}"], lambda c: digits(c, 3), "pci.cvv"),
    (["{}", "IBAN: {}", "transfer to {} today"], iban, "pci.iban"),
    (["BIC {}", "swift code: {}"], lambda c: letters(c, 4, string.ascii_uppercase) + c.choice(["DE", "FR", "GB", "NL"]) + letters(c, 2, string.ascii_uppercase), "pci.bic"),
    (["diagnosis: {}", "ICD-10 {}", "dx {}"], lambda c: f"{c.choice('ABCEFGJKM')}{c.randrange(10, 99)}.{c.randrange(10)}", "phi.diagnosis"),
    (["MRN: {}", "medical record number {}"], lambda c: digits(c, 8), "phi.record"),
    (["member ID: {}", "insurance number {}"], lambda c: letters(c, 3, string.ascii_uppercase) + digits(c, 9), "phi.insurance"),
]  # fmt: skip

NEGATIVE: list[tuple[str, Maker]] = [
    ("uuid", lambda c: c.choice(["id {}", "{}", "request {}"]).format(uuid.UUID(int=c.getrandbits(128)))),
    ("order number", lambda c: f"order {digits(c, c.choice([9, 10, 12, 16]))} shipped"),
    ("dashed order", lambda c: f"order #{digits(c, 3)}-{digits(c, 7)}-{digits(c, 7)}"),
    ("number", lambda c: digits(c, c.choice([5, 7, 9, 10, 11, 12]))),
    ("timestamp", lambda c: (datetime(2020, 1, 1) + timedelta(seconds=c.randrange(10**8))).isoformat() + "Z"),
    ("epoch", lambda c: f"ts={1_600_000_000 + c.randrange(10**8)}{c.choice(['', '000', '123'])}"),
    ("date", lambda c: f"created {date(2020, 1, 1) + timedelta(days=c.randrange(2000))}"),
    ("hash", lambda c: c.choice(["sha256:{}", "commit {}", "{}", "checksum {}"]).format(hashlib.sha256(c.randbytes(8)).hexdigest()[: c.choice([40, 64])])),
    ("version", lambda c: c.choice(["version {}.{}.{}", "v{}.{}.{}", "release {}.{}.{}.4", "node {}.{}.{}"]).format(*(c.randrange(30) for _ in range(3)))),
    ("price", lambda c: c.choice(["${},{}.99", "EUR {}.{}", "total {}{}.00"]).format(c.randrange(1, 999), c.randrange(100, 999))),
    ("prose", lambda c: " ".join(c.choices(["the", "report", "is", "ready", "and", "Team", "meets", "on", "Friday", "about", "Budget", "plans", "token", "password", "key", "card", "call"], k=12))),
    ("isbn", lambda c: f"ISBN 978-{digits(c, 1)}-{digits(c, 4)}-{digits(c, 4)}-{digits(c, 1)}"),
    ("tracking", lambda c: f"tracking 1Z{letters(c, 16, string.ascii_uppercase + string.digits)}"),
    ("duration", lambda c: f"GET /v{c.randrange(9)}/items/{digits(c, 6)} 200 in {c.randrange(999)} ms"),
    ("path", lambda c: f"/var/lib/app/{letters(c, 8).lower()}/{digits(c, 10)}.log"),
    ("sku", lambda c: f"SKU {letters(c, 3, string.ascii_uppercase)}-{digits(c, 5)}-{digits(c, 2)}"),
    ("hex", lambda c: f"colour #{_hex(6)(c)} at 0x{_hex(8)(c)}"),
    ("score", lambda c: f"accuracy {c.random():.6f} loss {c.random():.8f}"),
    ("package", lambda c: f"npm i @scope/{letters(c, 6).lower()}@{c.randrange(9)}.{c.randrange(9)}.{c.randrange(9)}"),
    ("size", lambda c: f"{c.randrange(10**9)} bytes of {c.randrange(10**9, 10**10)}"),
]  # fmt: skip


def samples(seed: int, each: int) -> Iterator[Sample]:
    """`each` samples of every kind."""
    chance = random.Random(seed)
    for templates, make in NATIONAL:
        for _ in range(each):
            yield Sample(chance.choice(templates).replace("{}", make(chance)), "pii.national_id", templates[0])
    for templates, make, label in (*PERSONAL, *SECRETS):
        for _ in range(each):
            yield Sample(
                chance.choice(templates).replace("{{", "{").replace("}}", "}").replace("{}", make(chance)),
                label,
                templates[0],
            )
    for what, make in NEGATIVE:
        for _ in range(2 * each):
            yield Sample(make(chance), None, what)
