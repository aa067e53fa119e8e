from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from issuing import EC, NOW, RSA, claims, key_set, signed
from oidc import OidcProvider

from sluice.edges.identity import DiscoveryError, FetchedKeys, TokenIssuer, TokenVerifier, discover

Pages = dict[str, Callable[[], tuple[int, bytes]]]


@pytest.fixture
def server() -> Iterator[tuple[str, Pages]]:
    """A server that says what a test makes it say, such as no honest issuer would."""
    pages: Pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, lambda: (404, b""))()
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}", pages
        running.shutdown()
        thread.join()


def test_a_real_provider_is_discovered_and_its_keys_fetched(oidc: OidcProvider):
    assert discover(oidc.issuer).endpoint("token_endpoint") == oidc.told["token_endpoint"]
    keys = FetchedKeys(oidc.issuer)
    assert keys.fetch(NOW)
    assert keys.usable(NOW)


def test_a_server_that_speaks_for_another_issuer_is_not_believed(server):
    issuer, pages = server
    told = {"issuer": "https://login.example.org", "jwks_uri": f"{issuer}/jwks"}
    pages["/.well-known/openid-configuration"] = lambda: (200, json.dumps(told).encode())
    with pytest.raises(DiscoveryError, match="speaks for another issuer"):
        discover(issuer)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"no json", "is no JSON"),
        (200, b"[" * 100_000, "is no JSON"),
        (200, b"x" * (2 << 20), "too much"),
        (302, b"", "status 302"),
        (500, b"", "status 500"),
    ],
)
def test_a_document_that_is_none_is_an_error_and_no_redirect_is_followed(server, status, body, why):
    issuer, pages = server
    pages["/.well-known/openid-configuration"] = lambda: (status, body)
    with pytest.raises(DiscoveryError, match=why):
        discover(issuer)


@pytest.mark.parametrize("uri", [None, 7, "file:///etc/passwd", "jwks"])
def test_an_issuer_leads_nobody_to_an_address_that_proves_nothing(server, uri):
    issuer, pages = server
    pages["/.well-known/openid-configuration"] = lambda: (200, json.dumps({"issuer": issuer, "jwks_uri": uri}).encode())
    with pytest.raises(DiscoveryError, match="jwks_uri"):
        discover(issuer)


def test_a_key_set_is_fetched_again_for_an_unknown_key_but_not_at_every_token(server):
    issuer, pages = server
    asked = []
    published = [key_set(EC)]
    pages["/jwks"] = lambda: (asked.append(1), (200, published[0]))[1]
    keys = FetchedKeys(issuer, f"{issuer}/jwks")
    tokens = TokenVerifier([TokenIssuer(issuer, "sluice", keys)])
    known, unknown = signed(claims(iss=issuer)), signed(claims(iss=issuer), RSA, "RS256")
    assert tokens.wanted(known, NOW) is keys
    assert keys.fetch(NOW)
    assert tokens.wanted(known, NOW + 1) is None
    assert tokens.wanted(unknown, NOW + 1) is keys
    assert keys.fetch(NOW + 1)
    assert len(asked) == 1
    published[0] = key_set(EC, RSA)
    assert keys.fetch(NOW + 6)
    assert tokens.verify(unknown, NOW + 6).name == "dana"
    assert len(asked) == 2


def test_keys_that_cannot_be_confirmed_any_more_count_for_some_hours_and_then_no_more(server):
    issuer, pages = server
    pages["/jwks"] = lambda: (200, key_set(EC))
    keys = FetchedKeys(issuer, f"{issuer}/jwks")
    keys.fetch(NOW)
    pages["/jwks"] = lambda: (503, b"")
    assert keys.due(NOW + 301)
    assert not keys.fetch(NOW + 301)
    assert "503" in keys.trouble
    assert keys.usable(NOW + 3600)
    assert not keys.usable(NOW + 6 * 3600)


def test_a_key_that_the_issuer_withdrew_counts_no_more_after_the_next_fetch(server):
    issuer, pages = server
    pages["/jwks"] = lambda: (200, key_set(EC, RSA))
    keys = FetchedKeys(issuer, f"{issuer}/jwks")
    keys.fetch(NOW)
    pages["/jwks"] = lambda: (200, key_set(RSA))
    keys.fetch(NOW + 301)
    assert [key.kid for key in keys.usable(NOW + 301)] == ["rsa-1"]


def test_a_set_with_a_symmetric_key_is_not_taken(server):
    issuer, pages = server
    pages["/jwks"] = lambda: (200, json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "ec-1"}]}).encode())
    keys = FetchedKeys(issuer, f"{issuer}/jwks")
    assert not keys.fetch(NOW)
    assert not keys.usable(NOW)
    assert "symmetric" in keys.trouble
