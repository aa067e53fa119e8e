"""A real OpenID Connect provider for tests, and a person with a browser who logs in there."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import subprocess
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

HERE = Path(__file__).parents[2] / "provider"
_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.S)
_INPUT = re.compile(r"<input\b([^>]*)>")
_FIELD = re.compile(r'(name|value)="([^"]*)"')
MOST_STEPS = 15


class Unavailable(Exception):
    """The provider cannot be run here; the text says what is missing."""


def installed() -> Path:
    """The folder of the provider with what it needs, installed by its lock if it is not yet. Raises Unavailable."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(
                f"`{program}` is not installed (Node.js 20 or newer runs the identity provider of the tests)"
            )
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = HERE / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_bytes() != lock:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise Unavailable(f"npm could not install the identity provider of the tests: {done.stderr[-500:]}")
        stamp.write_bytes(lock)
    return HERE


class OidcProvider:
    """The provider as a process. People: `dana`, `sam`, `olga`; clients: `sluice-cli`, `nightly`, `trainer`, `helper`."""

    SECRET = "not-a-secret-of-anybody"

    def __init__(self, access_seconds: int = 600) -> None:
        self._process = subprocess.Popen(
            ["node", str(installed() / "provider.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "ACCESS_SECONDS": str(access_seconds), "NODE_NO_WARNINGS": "1"},
        )
        assert self._process.stdout is not None
        # What the library has to say about its settings comes first.
        lines = iter(self._process.stdout.readline, "")
        self.issuer = next(line.strip() for line in lines if line.startswith("http://"))
        self.told: dict[str, str] = httpx2.get(f"{self.issuer}/.well-known/openid-configuration").json()

    def __enter__(self) -> OidcProvider:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def rotate(self, drop: bool = False) -> None:
        """Signs with a new key from now on; `drop`: the old ones are not published any more."""
        httpx2.post(f"{self.issuer}/test/rotate" + ("?drop=1" if drop else ""))

    def hang(self, seconds: float) -> None:
        """Discovery and keys take so long to come."""
        httpx2.post(f"{self.issuer}/test/hang?seconds={seconds}")

    def logout_at(self, uri: str) -> None:
        """Where to tell that somebody logged out."""
        httpx2.post(f"{self.issuer}/test/logout", params={"uri": uri})

    def token(self, person: str) -> str:
        """An access token of a person who logged in by a browser just now."""
        return Person(person).log_in(self)["access_token"]

    def service(self) -> str:
        """An access token of the service `nightly`."""
        return self.ask(grant_type="client_credentials", client_id="nightly", client_secret=self.SECRET)["access_token"]

    def agent(self, subject_token: str, purpose: str = "", agent: str = "trainer") -> str:
        """A token by which an agent (`trainer`, `helper`) acts for whom another token is."""
        return self.ask(
            grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
            client_id=agent,
            client_secret=self.SECRET,
            subject_token=subject_token,
            subject_token_type="urn:ietf:params:oauth:token-type:access_token",
            **({"purpose": purpose} if purpose else {}),
        )["access_token"]

    def ask(self, **form: str) -> dict[str, str]:
        """What the token endpoint answers."""
        answer = httpx2.post(self.told["token_endpoint"], data=form)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]


class Person:
    """Somebody at a browser, who fills in every form put before them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.browser = httpx2.Client(follow_redirects=False, timeout=20)

    def visit(self, url: str, until: str = "") -> str:
        """Goes where a page leads, until an address begins with `until` or nothing is left to do; the last address."""
        answer = self.browser.get(url)
        for _ in range(MOST_STEPS):
            if answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
                if until and url.startswith(until):
                    return url
                answer = self.browser.get(url)
                continue
            form = next((found for found in _FORM.finditer(answer.text) if "abort" not in found[1]), None)
            if form is None:
                return url
            fields = [dict(_FIELD.findall(found[1])) for found in _INPUT.finditer(form[2])]
            data = {unescape(field["name"]): unescape(field.get("value", "")) for field in fields if "name" in field}
            data.update({name: value for name, value in (("login", self.name), ("password", "any")) if name in data})
            if "/session/end" in form[1]:
                data["logout"] = "yes"
            url = urljoin(url, unescape(form[1]))
            answer = self.browser.post(url, data=data)
        raise AssertionError(f"{self.name} went in circles: {url}\n{answer.text[:500]}")

    def log_in(self, provider: OidcProvider, scope: str = "openid groups") -> dict[str, str]:
        """The authorization code flow with PKCE; what the token endpoint answered."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = httpx2.QueryParams(
            client_id="sluice-cli", response_type="code", redirect_uri="http://127.0.0.1/callback", scope=scope,
            code_challenge=challenge, code_challenge_method="S256", state="s",
        )  # fmt: skip
        back = self.visit(f"{provider.told['authorization_endpoint']}?{asked}", "http://127.0.0.1/callback")
        return provider.ask(
            grant_type="authorization_code", client_id="sluice-cli", redirect_uri="http://127.0.0.1/callback",
            code=parse_qs(urlsplit(back).query)["code"][0], code_verifier=verifier,
        )  # fmt: skip

    def log_out(self, provider: OidcProvider, id_token: str) -> None:
        """Ends the session at the provider, which tells whoever wants to know."""
        self.visit(f"{provider.told['end_session_endpoint']}?id_token_hint={id_token}")
