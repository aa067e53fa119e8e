"""What must hold between values of the configuration, beyond the type of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sluice.edges.config.approving import Approvals
from sluice.edges.config.config import Config
from sluice.edges.config.listeners import Listener
from sluice.edges.config.parts import is_loopback
from sluice.edges.config.people import Issuer, User
from sluice.edges.config.reader import Reader
from sluice.edges.config.sources import Source
from sluice.edges.config.stores import StoreSettings
from sluice.edges.config.witnesses import Witness

_SOURCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_STORE = re.compile(r"postgres(ql)?://[^/?@]+@?[^/?]*/[^/?]+(\?.*)?$")
_PASSWORD = re.compile(r"^[a-z]+://[^/@]*:[^/@]*@|[?&]password=")


def check_whole(config: Config, reader: Reader) -> None:
    """Notes with the reader whatever does not fit together."""
    _listeners(config, reader)
    for name, source in config.sources.items():
        _source(name, source, reader)
    check_users(config.users, reader)
    certificates = any(listener.tls and listener.tls.client_ca for listener in config.listeners)
    for name, user in config.users.items():
        if user.certificates and not certificates:
            reader.fail(
                ("users", name, "certificates"),
                f"no listener accepts client certificates, so `{name}` can never show one",
                "expected `tls.client_ca` on a listener",
            )
    for index, issuer in enumerate(config.tokens):
        _issuer(index, issuer, reader)
    _login(config, reader)
    _store(config.store, reader)
    _channels(config.approvals, reader)
    for index, witness in enumerate(config.audit.witnesses):
        _witness(index, witness, reader)


def check_users(users: Mapping[str, User], reader: Reader) -> None:
    """Notes users that contradict themselves or each other."""
    subjects: dict[str, str] = {}
    for name, user in users.items():
        place = ("users", name)
        if user.purposes is not None and user.default_purpose and user.default_purpose not in user.purposes:
            reader.fail(
                (*place, "default_purpose"),
                f"`{name}` may not state its own default purpose",
                "expected one of `purposes`",
            )
        for index, subject in enumerate(user.certificates):
            if subject in subjects:
                reader.fail(
                    (*place, "certificates", index),
                    f"this certificate already proves `{subjects[subject]}`",
                    "expected each certificate at one user",
                )
            subjects[subject] = name


def _listeners(config: Config, reader: Reader) -> None:
    taken = {(config.admin.address, config.admin.port): "the admin port"}
    for index, listener in enumerate(config.listeners):
        place = ("listeners", index)
        spot = (listener.address, listener.port)
        if spot in taken:
            reader.fail(place, f"its address and port are those of {taken[spot]}", "expected another port")
        taken[spot] = "another listener"
        if not _guarded(listener):
            reader.fail(
                place,
                "clients could reach it without TLS from other machines",
                "expected `tls` with `required: true`, a loopback address, or `allow_cleartext: true`",
            )


def _guarded(listener: Listener) -> bool:
    return listener.loopback or listener.allow_cleartext or (listener.tls is not None and listener.tls.required)


def _source(name: str, source: Source, reader: Reader) -> None:
    place = ("sources", name)
    if not _SOURCE.fullmatch(name):
        reader.fail(place, f"`{name}` is not a name for a source", "expected letters, digits, `_` and `-`, at most 63")
    if (source.host is None) == (source.socket is None):
        reader.fail(place, f"`{name}` has to be reached one way", "expected either `host` or `socket`")
    if source.socket is not None and source.tls.mode not in (None, "disable"):
        reader.fail((*place, "tls"), "a unix socket has no TLS", "expected `host` instead of `socket`, or no `tls`")
    if (source.tls.cert is None) != (source.tls.key is None):
        reader.fail((*place, "tls"), "a client certificate needs its key", "expected both `cert` and `key`")
    if source.tls_mode == "disable" and (source.tls.ca or source.tls.cert):
        reader.fail(
            (*place, "tls"), "certificates are given but TLS is not used", "expected a `mode` other than `disable`"
        )
    if source.tls_mode == "require" and source.tls.ca:
        reader.fail(
            (*place, "tls", "ca"), "`require` does not check certificates", "expected `verify-full`, or no `ca`"
        )
    for index, function in enumerate(source.plain_functions):
        if function.count(".") != 1 or not all(function.split(".")):
            reader.fail((*place, "plain_functions", index), "is not a function's full name", "expected `schema.name`")
    for index, extension in enumerate(source.plain_extensions):
        if "." in extension:
            reader.fail((*place, "plain_extensions", index), "is not an extension's name", "expected `citext`, say")


def _issuer(index: int, issuer: Issuer, reader: Reader) -> None:
    place = ("tokens", index)
    ways = (issuer.discover or None, issuer.jwks_url, issuer.jwks, issuer.public_key)
    if sum(way is not None for way in ways) != 1:
        reader.fail(
            place,
            "its signing keys have to come from one place",
            "expected one of `discover: true`, `jwks_url`, `jwks` and `public_key`",
        )
    fetched = issuer.issuer if issuer.discover else issuer.jwks_url
    if fetched is not None and not _proven_url(fetched):
        reader.fail(
            (*place, "issuer" if issuer.discover else "jwks_url"),
            "keys that are fetched from there could be anybody's",
            "expected an `https://` address (`http://` on loopback alone)",
        )
    if fetched is None and issuer.ca is not None:
        reader.fail((*place, "ca"), "nothing is fetched from the issuer", "expected `discover` or `jwks_url` with it")


def _proven_url(url: str) -> bool:
    parsed = urlsplit(url)
    return bool(parsed.hostname) and (
        parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(parsed.hostname or ""))
    )


def _login(config: Config, reader: Reader) -> None:
    login = config.login
    if login is None:
        return
    known = [issuer for issuer in config.tokens if issuer.issuer == login.issuer]
    if not known:
        reader.fail(("login", "issuer"), "its tokens are not accepted", "expected one of the issuers under `tokens`")
    elif login.proof == "id_token" and all(issuer.audience != login.client_id for issuer in known):
        reader.fail(
            ("login", "proof"),
            "identity tokens are for the client, and no issuer here takes such",
            f"expected `audience: {login.client_id}` at the issuer under `tokens`",
        )
    if not _proven_url(login.issuer):
        reader.fail(
            ("login", "issuer"),
            "whoever signs in there could be sent anywhere",
            "expected an `https://` address (`http://` on loopback alone)",
        )


def _store(store: StoreSettings, reader: Reader) -> None:
    if store.url is None:
        if store.password is not None:
            reader.fail(("store", "password"), "a file has no password", "expected a `url` with it")
        return
    if store.path is not None:
        reader.fail(("store",), "control state has to be kept in one place", "expected either `path` or `url`")
    if not _STORE.match(store.url):
        reader.fail(
            ("store", "url"), "is not the url of a PostgreSQL database", "expected `postgresql://user@host:port/name`"
        )
    elif _PASSWORD.search(store.url):
        # Not quoted: it holds what nobody should read.
        reader.fail(("store", "url"), "holds a password", "expected it as `password`, by reference")


def _witness(index: int, witness: Witness, reader: Reader) -> None:
    place = ("audit", "witnesses", index)
    if sum(way is not None for way in (witness.file, witness.tiles, witness.webhook, witness.cosigner)) != 1:
        reader.fail(place, "it has to be reached one way", "expected one of `file`, `tiles`, `webhook` and `cosigner`")
    if (witness.cosigner is None) != (witness.key is None):
        reader.fail(place, "a cosigner has a verifier key, others have none", "expected `key` with `cosigner`")


def _channels(approvals: Approvals, reader: Reader) -> None:
    urls: list[tuple[tuple[str, ...], str]] = [
        (("approvals", "webhooks", name, "url"), each.url) for name, each in approvals.webhooks.items()
    ]
    if approvals.slack is not None:
        urls.append((("approvals", "slack", "api"), approvals.slack.api))
    for place, url in urls:
        parts = urlsplit(url)
        if parts.hostname is None or not (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        ):
            reader.fail(place, "would tell of requests in clear", "expected a url that begins with `https://`")
    slack = approvals.slack
    if slack is not None and slack.signing_secret is None and slack.app_token is None:
        reader.fail(
            ("approvals", "slack"), "its answers could be anybody's", "expected `signing_secret`, `app_token` or both"
        )
    mail = approvals.mail
    if mail is not None and not mail.starttls and not is_loopback(mail.host):
        reader.fail(
            ("approvals", "mail", "starttls"), "would send mail in clear", "expected `true` for another machine"
        )
    if mail is not None and (mail.user is None) != (mail.password is None):
        reader.fail(("approvals", "mail"), "a login takes a user and a password", "expected both or neither")
