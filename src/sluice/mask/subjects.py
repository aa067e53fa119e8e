"""Whom a result was about: the key that identifying values are hashed with, and how their columns are watched.

The kernel hashes: SipHash-2-4 over a value's text in lower case (but for what separates digits), under 128 bits drawn from a secret.
Without the key no guess at a value can be confirmed; whoever has it can try values one by one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

from sluice import _kernel
from sluice._kernel import Subjects as Subjects

VALUE_HASH = re.compile(r"(?P<key>[0-9a-f]{8}):(?P<hash>[0-9a-f]{16})")
"""How a hash is written for people: the key's id, then the hash itself."""

_BYTES = 16


class SubjectKey(NamedTuple):
    """A key. `id` tells it from others and nothing of it."""

    id: str
    key: bytes

    def hashed(self, value: str) -> str:
        """The hash of a value as `VALUE_HASH` has it."""
        return f"{self.id}:{_kernel.subject_hash(value.encode('utf-8', 'surrogateescape'), self.key):016x}"


class Watch(NamedTuple):
    """A column whose values are hashed as they pass: the key in hex, and what the event says beside the hashes."""

    key: str
    told: str


def subject_key(secret: bytes) -> SubjectKey:
    """The key that a secret gives."""
    drawn = [
        hmac.digest(secret, b"sluice: " + use, hashlib.sha256)
        for use in (b"subjects", b"the name of the key of subjects")
    ]
    return SubjectKey(drawn[1][:4].hex(), drawn[0][:_BYTES])


def watch(key: SubjectKey, labels: Iterable[str], shown: bool) -> Watch:
    """How a column with these (identifying) labels is watched; `shown`: its values leave in clear."""
    # Labels are words of letters, digits, dots and underscores: nothing in them needs an escape.
    listed = ",".join(f'"{label}"' for label in sorted(labels))
    return Watch(key.key.hex(), f'"labels":[{listed}],"shown":{"true" if shown else "false"},"key":"{key.id}"')
