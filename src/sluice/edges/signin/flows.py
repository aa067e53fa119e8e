"""The client's side of OAuth 2 and OpenID Connect, for a public client on somebody's own machine. Everything here blocks for seconds.

Sources: RFC 6749, RFC 7636 (PKCE), RFC 8252 (native apps), RFC 8628 (device flow), RFC 9207 (`iss` in the answer), RFC 7009
(revocation), OpenID Connect Core 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2

from sluice.edges.identity import DiscoveryError, FetchedKeys, Rejected, TokenIssuer, TokenVerifier, discover
from sluice.edges.identity.discovery import SECONDS, trust

_LONGEST: Final = 1 << 20
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER: Final = 5.0


class SignInError(Exception):
    """It did not work; the text is for whoever wants to sign in. `over`: trying the same again is of no use."""

    def __init__(self, problem: str, over: bool = True) -> None:
        super().__init__(problem)
        self.over = over


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the issuer gave. `expires_at` (seconds since the epoch) is of the access token; 0: it did not say."""

    access: str = field(repr=False)
    identity: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that waits for the browser: where to send it, and what the answer has to fit."""

    url: str
    redirect: str
    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """A sign-in on another device: which address, which code to type, how long and how often to ask."""

    address: str
    complete: str
    user_code: str
    code: str = field(repr=False)
    interval: float
    ends_at: float


class Client:
    """Sluice's public client at one issuer. Raises SignInError when the issuer cannot be found."""

    def __init__(
        self, issuer: str, client_id: str, scopes: tuple[str, ...], resource: str | None = None, ca: str | None = None
    ) -> None:
        """`ca`: file with the CA that proves the issuer's server, where the system's do not."""
        self._ca = None if ca is None else Path(ca)
        self._id = client_id
        self._scopes = " ".join(scopes)
        self._resource = {} if resource is None else {"resource": resource}
        try:
            self._provider = discover(issuer, self._ca)
        except DiscoveryError as error:
            raise SignInError(str(error), over=False) from error
        keys = FetchedKeys(issuer, None, self._ca)
        self._keys = keys
        self._verifier = TokenVerifier([TokenIssuer(issuer, client_id, keys)])

    def begin(self, redirect: str) -> Pending:
        """The address that a browser is to open. `redirect`: where on this machine it comes back to."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._id, "response_type": "code", "redirect_uri": redirect, "scope": self._scopes, "state": state,
            "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256", **self._resource,
        }  # fmt: skip
        where = self._endpoint("authorization_endpoint")
        url = f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"
        return Pending(url, redirect, state, nonce, verifier)

    def finish(self, pending: Pending, answer: Mapping[str, str]) -> Tokens:
        """The tokens, for what the browser brought back. Raises SignInError for an answer that is not to this question."""
        if not hmac.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise SignInError("the answer is to another question than was asked")
        named = answer.get("iss", "")
        if named != self._provider.issuer and (
            named or self._provider.told.get("authorization_response_iss_parameter_supported") is True
        ):
            raise SignInError("the answer is another issuer's")
        if "error" in answer:
            raise SignInError(f"the issuer refused: {_said(answer)}")
        form = {
            "grant_type": "authorization_code", "code": answer.get("code", ""), "redirect_uri": pending.redirect,
            "code_verifier": pending.verifier, "client_id": self._id, **self._resource,
        }  # fmt: skip
        return self._tokens(self._ask("token_endpoint", form), pending.nonce)

    def begin_device(self) -> Device:
        """Begins a sign-in that is finished on another device. Raises SignInError."""
        now = time.time()
        form = {"client_id": self._id, "scope": self._scopes, **self._resource}
        found = self._ask("device_authorization_endpoint", form)
        try:
            return Device(
                str(found["verification_uri"]), str(found.get("verification_uri_complete", "")), str(found["user_code"]),
                str(found["device_code"]), float(found.get("interval", 5)), now + float(found["expires_in"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise SignInError("the issuer's answer is no device authorization") from error

    def finish_device(self, device: Device) -> Tokens:
        """Asks again and again until somebody has answered on the other device. Raises SignInError."""
        interval = device.interval
        form = {"grant_type": DEVICE, "device_code": device.code, "client_id": self._id}
        while time.time() < device.ends_at:
            time.sleep(interval)
            found = self._ask("token_endpoint", form, refusals=("authorization_pending", "slow_down"))
            if "error" not in found:
                return self._tokens(found, "")
            interval += _SLOWER if found["error"] == "slow_down" else 0.0
        raise SignInError("nobody finished the sign-in in time")

    def refresh(self, token: str) -> Tokens:
        """New tokens for a refresh token; SignInError when it is not good any more."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self._id, **self._resource}
        fresh = self._tokens(self._ask("token_endpoint", form), "")
        return Tokens(fresh.access, fresh.identity, fresh.refresh or token, fresh.expires_at)

    def revoke(self, token: str) -> bool:
        """Tells the issuer that a refresh token is to be good no longer; False: it cannot be told. Raises SignInError."""
        if "revocation_endpoint" not in self._provider.told:
            return False
        form = {"token": token, "token_type_hint": "refresh_token", "client_id": self._id}
        self._ask("revocation_endpoint", form)
        return True

    def _tokens(self, found: Mapping[str, Any], nonce: str) -> Tokens:
        access = found.get("access_token")
        if not isinstance(access, str) or str(found.get("token_type", "")).lower() != "bearer":
            raise SignInError("the issuer gave no access token")
        identity = str(found.get("id_token") or "")
        if identity or nonce:
            self._check(identity, nonce)
        expires = found.get("expires_in", 0)
        lasts = float(expires) if isinstance(expires, int | float) and not isinstance(expires, bool) else 0.0
        return Tokens(
            access, identity, str(found.get("refresh_token") or ""), time.time() + lasts if lasts > 0 else 0.0
        )

    def _check(self, token: str, nonce: str) -> None:
        """An identity token has to be signed by the issuer, for this client, and an answer to what was asked."""
        if not token:
            raise SignInError("the issuer gave no identity token; is the scope `openid` among those asked for?")
        now = time.time()
        if self._verifier.wanted(token, now) is not None:
            self._keys.fetch(now)
        judged, claims = self._verifier.verify(token, now), self._verifier.claims(token, now)
        if isinstance(judged, Rejected) or isinstance(claims, Rejected):
            reason = next(one.reason for one in (judged, claims) if isinstance(one, Rejected))
            raise SignInError(f"the issuer's identity token is not valid: {reason}")
        if nonce and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignInError("the issuer's identity token answers another question than was asked")

    def _endpoint(self, name: str) -> str:
        try:
            return self._provider.endpoint(name)
        except DiscoveryError as error:
            raise SignInError(str(error)) from error

    def _ask(self, endpoint: str, form: Mapping[str, str], refusals: tuple[str, ...] = ()) -> dict[str, Any]:
        """What an endpoint answers to a form; of errors only `refusals`, the others raise SignInError."""
        url = self._endpoint(endpoint)
        try:
            with httpx2.Client(
                verify=trust(self._ca), timeout=SECONDS, follow_redirects=False, trust_env=False
            ) as client:
                answer = client.post(url, data=dict(form), headers={"accept": "application/json"})
        except (httpx2.HTTPError, OSError) as error:
            raise SignInError(f"{url} cannot be reached: {error}", over=False) from error
        if answer.is_success and not answer.content:
            return {}
        try:
            found = json.loads(answer.content[:_LONGEST])
        except ValueError as error:
            raise SignInError(f"{url} answered with status {answer.status_code}", over=False) from error
        if not isinstance(found, dict):
            raise SignInError(f"{url} answered with something else than an object")
        if not answer.is_success and found.get("error") not in refusals:
            raise SignInError(f"the issuer refused: {_said(found)}", over=answer.status_code < 500)
        return found


def _said(answer: Mapping[str, Any]) -> str:
    about = str(answer.get("error_description", ""))[:300]
    return f"{str(answer.get('error', 'unknown'))[:100]}" + (f" ({about})" if about else "")
