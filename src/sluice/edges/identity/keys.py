"""The public keys that an issuer signs with: read once, checked then, chosen for each token by its header alone.

Sources: RFC 7517 (JSON Web Key Sets), RFC 7518 and RFC 8037 (which algorithm goes with which key).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

LEAST_RSA_BITS: Final = 2048
_TYPES: Final[Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSAKey),
    **dict.fromkeys(("ES256", "ES384", "ES512"), ECKey),
    "EdDSA": OKPKey,
}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """One key: its id, and the one algorithm it is for, both empty when not said."""

    key: Key
    kid: str
    algorithm: str

    def fits(self, algorithm: str) -> bool:
        """Whether a signature by this algorithm can be checked with this key."""
        if self.algorithm not in ("", algorithm) or not isinstance(self.key, _TYPES[algorithm]):
            return False
        return algorithm not in _CURVES or self.key.get("crv") == _CURVES[algorithm]


def check_algorithms(algorithms: Sequence[str]) -> None:
    """Raises ValueError for an algorithm that is none, or is symmetric."""
    for algorithm in algorithms:
        if algorithm not in _TYPES:
            raise ValueError(f"tokens signed by `{algorithm}` cannot be accepted; use one of {', '.join(_TYPES)}")
    if not algorithms:
        raise ValueError("no algorithm is accepted, so no token could be")


def read_keys(text: bytes) -> tuple[VerifyKey, ...]:
    """The keys in a JSON Web Key Set, or the one in a PEM file. Raises ValueError when there is none that may be used.

    Keys for encryption and of unknown types are passed over; symmetric ones, private ones and short ones are errors.
    """
    with warnings.catch_warnings():
        # A short key is an error below, not a warning.
        warnings.simplefilter("ignore", SecurityWarning)
        found = _keys(text)
    if not found:
        raise ValueError("there is no key for signatures in the key set")
    kids = [key.kid for key in found if key.kid]
    if len(kids) != len(set(kids)):
        raise ValueError("two keys of the set have the same `kid`")
    return tuple(found)


def _keys(text: bytes) -> list[VerifyKey]:
    try:
        if text.lstrip().startswith(b"-----BEGIN"):
            return [_checked(_pem(text), {})]
        described = json.loads(text)
        listed = described.get("keys") if isinstance(described, dict) else None
        if not isinstance(listed, list):
            raise ValueError("there is no list `keys` in the key set")
        return [_one(entry) for entry in listed if _is_for_signatures(entry)]
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError(f"the keys cannot be read: {error}") from error


def choose(keys: Sequence[VerifyKey], kid: str | None, algorithm: str) -> VerifyKey | None:
    """The key that a token's header means; None: none, or more than one."""
    fitting = [key for key in keys if key.fits(algorithm) and (kid is None or key.kid in (kid, ""))]
    named = [key for key in fitting if key.kid == kid]
    chosen = named or fitting
    return chosen[0] if len(chosen) == 1 else None


def _pem(text: bytes) -> Key:
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("the PEM file holds no public key of a type that is known")


def _is_for_signatures(entry: object) -> bool:
    if not isinstance(entry, dict):
        raise ValueError("an entry of `keys` is no key")
    return entry.get("use", "sig") == "sig" and entry.get("kty") in ("RSA", "EC", "OKP", "oct")


def _one(entry: dict[str, object]) -> VerifyKey:
    if entry["kty"] == "oct":
        raise ValueError("a symmetric key cannot prove who signed; give the issuer's public keys")
    return _checked(import_key({name: value for name, value in entry.items() if isinstance(value, str | list)}), entry)


def _checked(key: Key, entry: Mapping[str, object]) -> VerifyKey:
    if key.is_private:
        raise ValueError("a private key is not needed and must not lie here; give the issuer's public keys")
    if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
        raise ValueError(f"an RSA key has less than {LEAST_RSA_BITS} bits")
    kid, algorithm = entry.get("kid", ""), entry.get("alg", "")
    if not isinstance(kid, str) or not isinstance(algorithm, str):
        raise ValueError("`kid` or `alg` of a key is no text")
    return VerifyKey(key, kid, algorithm)
