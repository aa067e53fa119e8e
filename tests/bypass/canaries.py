"""The values that nobody may see, and how to find one in bytes: whole, turned round, encoded, or any six characters of it."""

from __future__ import annotations

import base64
import datetime
import struct
from collections.abc import Iterator
from dataclasses import dataclass

PIECE = 6
"""So many characters of a value in a row are a leak."""

_BASE64_PIECE = 8


@dataclass(frozen=True, slots=True)
class Canaries:
    """What the labelled columns of one database hold."""

    ssn: str
    email: str
    salary: int
    dob: str
    secret: str
    tag: str
    token: str
    ssn2: str
    ssn3: str
    salary2: int

    def fill(self, text: str) -> str:
        """The text with the values in place of `{ssn}`, `{salary}` and so on."""
        for name in self.__slots__:
            text = text.replace("{" + name + "}", str(getattr(self, name)))
        return text.replace("{salt}", base64.b64encode(self.secret.encode()).decode())


HIDDEN = Canaries(
    ssn="983-61-7254",
    email="qzv7kxw3j",
    salary=1_836_547_290,
    dob="1963-11-27",
    secret="sk-jqx9f8e7d6c5b4avw",
    tag="hjw-7f3e9d-kpz",
    token="zptk1b2c3dfgq",
    ssn2="983-61-7254z",
    ssn3="983-61-7254",
    salary2=1_836_547_291,
)
"""The values that are looked for."""

OTHERS = Canaries(
    ssn="12-3",
    email="mm",
    salary=731,
    dob="1998-02-05",
    secret="sk-ty5uvw8xy2z3",
    tag="oo",
    token="nn44",
    ssn2="0",
    ssn3="07",
    salary2=5,
)
"""Other values of other lengths and in another order: what a caller hears must be the same with these."""


def found(heard: bytes, asked: str = "") -> list[str]:
    """Which forms of the hidden values are in these bytes; what the caller wrote himself does not count."""
    low = heard.lower()
    told = _pieces(low, PIECE) & _TEXTS
    told |= _pieces(low, 2 * PIECE) & _HEX
    told |= _pieces(low, _BASE64_PIECE) & _BASE64
    told |= {number for number in _NUMBERS if number in heard}
    own = asked.lower().encode()
    return sorted(repr(piece) for piece in told if piece not in own)


def _forms(known: Canaries) -> Iterator[str]:
    day = datetime.date.fromisoformat(known.dob)
    texts = [known.ssn, known.email, known.secret, known.tag, known.token, str(known.salary), known.dob]
    texts += [day.strftime(form) for form in ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%Y%m%d")]
    texts += [f"{known.salary:,}"]
    for text in texts:
        yield text
        yield "".join(letter for letter in text if letter.isalnum())


def _pieces(text: bytes, size: int) -> set[bytes]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


def _texts(known: Canaries) -> Iterator[bytes]:
    for form in _forms(known):
        for text in (form, form[::-1]):
            yield from _pieces(text.lower().encode(), PIECE)


def _base64(known: Canaries) -> Iterator[bytes]:
    # A value may begin at any of the three places of a group; what its neighbours decide is left out.
    for form in _forms(known):
        for ahead in range(3):
            coded = base64.b64encode(b"\0" * ahead + form.encode())
            yield from _pieces(coded[4 if ahead else 0 : -4].lower(), _BASE64_PIECE)


def _numbers(known: Canaries) -> Iterator[bytes]:
    days = (datetime.date.fromisoformat(known.dob) - datetime.date(2000, 1, 1)).days
    for number in (known.salary, -known.salary):
        yield from (struct.pack(form, number) for form in (">i", "<i", ">d", "<d", ">f"))
    # A numeric goes out in groups of four digits.
    yield struct.pack(">hh", known.salary // 10_000 % 10_000, known.salary % 10_000)
    yield from (struct.pack(form, days) for form in (">i", "<i"))
    yield struct.pack(">q", days * 86_400_000_000)


_TEXTS = frozenset(_texts(HIDDEN))
_HEX = frozenset(
    piece.hex().encode() for form in _forms(HIDDEN) for piece in _pieces(form.encode(), PIECE)
) | frozenset(piece.hex().encode() for form in _forms(HIDDEN) for piece in _pieces(form.upper().encode(), PIECE))
_BASE64 = frozenset(_base64(HIDDEN))
_NUMBERS = frozenset(_numbers(HIDDEN))
