"""The page of a request, with a real identity provider and people at browsers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import httpx2
import psycopg
import pytest
from oidc import OidcProvider, Person
from terminal import Terminal
from test_signing_in import login

from sluice.testing.gateway import RunningGateway

HELD = """
@id("deletes-need-a-dba") @approval("dba")
forbid (principal, action == Action::"delete", resource) unless { context.approved };
"""


@pytest.fixture(scope="module")
def house(oidc: OidcProvider, build):
    issuer = f"{{issuer: '{oidc.issuer}', audience: sluice, discover: true}}"
    found = build(issuer, more=login(oidc))
    found.gateway.write("policies/held.cedar", HELD)
    address = f"approvals: {{address: 'http://127.0.0.1:{found.gateway.admin}/requests/'}}\n"
    found.gateway.configure(found.config(issuer, more=login(oidc) + address))
    found.gateway.event(lambda one: one["event"] == "config-reloaded")
    found.gateway.until(lambda: "request r-" in asked(found, 100), "deletes to be held")
    return found


def asked(house, number: int) -> str:
    """What somebody reads who deletes a row."""
    with psycopg.connect(
        house.gateway.dsn("stan", "open sesame", "house", options="-c sluice.approval=error")
    ) as connection:
        try:
            connection.execute(f"delete from people where id = {number}".encode())
        except psycopg.Error as error:
            return str(error)
        connection.rollback()
    return ""


def request_of(house, number: int) -> str:
    return re.findall(r"request (r-\w+)", asked(house, number))[0]


class Browser:
    """Somebody who opened the page of a request and signed in for it."""

    def __init__(self, gateway: RunningGateway, person: str) -> None:
        self._origin = f"http://127.0.0.1:{gateway.admin}"
        self._person = Person(person)

    def open(self, request: str) -> httpx2.Response:
        self.url = f"{self._origin}/requests/{request}"
        found = self._person.browser.get(self.url)
        if not found.is_redirect:
            return found
        self._person.visit(self.url, self.url)
        return self._person.browser.get(self.url)

    def press(self, text: str, verdict: str, reason: str = "seen", url: str = "", **headers: str) -> httpx2.Response:
        mark = re.findall(r'name="mark" value="([^"]+)"', text)[0]
        data = {"mark": mark, "verdict": verdict, "reason": reason}
        return self._person.browser.post(url or self.url, data=data, headers={"origin": self._origin, **headers})

    @property
    def cookies(self) -> httpx2.Cookies:
        return self._person.browser.cookies


@pytest.fixture
def olga(house) -> Iterator[Browser]:
    yield Browser(house.gateway, "olga")


def test_who_may_answer_signs_in_sees_what_it_is_about_and_lets_it_through(house, olga: Browser):
    house.server.psql("insert into people values (111, 'person111@example.com', 'free')", "house")
    done: list[object] = []

    def run() -> None:
        with psycopg.connect(house.gateway.dsn("stan", "open sesame", "house"), autocommit=True) as connection:
            done.append(connection.execute("delete from people where id = 111 returning '<b>'").rowcount)

    waiting = threading.Thread(target=run)
    waiting.start()
    event = house.gateway.event(
        lambda one: one["event"] == "request-asked" and "id = 111" in one.get("why", "") + text_of(house, one)
    )
    house.gateway.until(lambda: "rows, by plan" in olga.open(event["request"]).text, "the estimate")
    page = olga.open(event["request"])
    for shown in (
        "user:stan",
        "delete from people where id = 111",
        "public.people (delete)",
        "<dd>1</dd>",
        "You are user:olga",
    ):
        assert shown in page.text, page.text
    assert "<b>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    answer = olga.press(page.text, "approve", "ticket 7")
    assert "is approved" in answer.text
    waiting.join(20)
    assert done == [1]
    voted = house.gateway.event(lambda one: one["event"] == "request-answered")
    assert (voted["by"]["name"], voted["channel"], voted["reason"]) == ("olga", "page", "ticket 7")
    assert "is not open any more" in olga.press(page.text, "deny").text


def text_of(house, asked_event: dict[str, object]) -> str:
    found = (one for one in house.gateway.events() if one.get("id") == asked_event["statement"] and "text" in one)
    return "".join(str(one["text"]) for one in found)


def test_an_answer_comes_from_the_page_itself_or_counts_nothing(house, olga: Browser):
    first, second = request_of(house, 21), request_of(house, 22)
    other = olga.open(second).text
    page = olga.open(first).text
    assert olga.press(page, "approve", origin="https://evil.example.com").status_code == 403
    assert olga.press(page, "approve", origin="null").status_code == 403
    # The mark of another request, of nobody, and of somebody else.
    assert olga.press(other, "approve").status_code == 403
    assert olga.press('name="mark" value="x"', "approve").status_code == 403
    assert Browser(house.gateway, "olga").press(page, "approve", url=olga.url).status_code == 401
    assert olga.press(page, "maybe").status_code == 422
    assert "needs a reason" in olga.press(page, "deny", " ").text
    assert "is denied" in olga.press(page, "deny").text


def test_who_may_not_see_a_request_sees_none(house):
    request = request_of(house, 31)
    assert Browser(house.gateway, "sam").open(request).status_code == 404
    assert Browser(house.gateway, "olga").open("r-aaaaaaaa").status_code == 404


def test_a_cookie_that_was_changed_or_a_sign_in_that_was_not_begun_here_proves_nobody(house, olga: Browser):
    request = request_of(house, 41)
    olga.open(request)
    (value,) = [one.value for one in olga.cookies.jar if one.name == "sluice_who"]
    where = f"http://127.0.0.1:{house.gateway.admin}/requests/"
    for changed in (value[:-2] + "AA", "9999999999." + value.split(".", 1)[1], "", "x.y.z", "1.e30.x"):
        assert httpx2.get(where + request, headers={"cookie": f"sluice_who={changed}"}).status_code == 303
    assert httpx2.get(where + request, headers={"cookie": f"sluice_who={value}"}).status_code == 200
    assert httpx2.get(where + "callback?code=x&state=y").status_code == 401
    assert httpx2.get(where + "callback?code=x&state=y", headers={"cookie": f"sluice_begun={value}"}).status_code == 401
    for path in ("", "../v1/requests", "r-x", request + "/approve"):
        assert httpx2.get(where + path).status_code in (401, 404)


def test_somebody_who_is_revoked_is_not_let_on(house, olga: Browser):
    request = request_of(house, 51)
    page = olga.open(request)
    assert page.status_code == 200
    ledger(house, "revoke", "user", "olga")
    house.gateway.until(lambda: olga.press(page.text, "approve").status_code == 401, "the revocation to be heard")


def ledger(house, *words: str) -> None:
    Terminal(house.gateway.folder, "").run(*words, SLUICE_CONFIG=str(house.gateway.config))
