"""Back-channel logout: what the identity provider signed ends the sessions and credentials of who logged out there.

Source: OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sqlalchemy import Connection

from sluice.audit.encode import stamp
from sluice.audit.events import CredentialEnded, LoggedOut
from sluice.edges import credentials
from sluice.edges.credentials import Credential
from sluice.edges.identity import Rejected, read_logout
from sluice.edges.revocations import log_out
from sluice.runtime.api.http import Answer, HttpRequest, answer
from sluice.runtime.approvals import done

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

PATH = "/v1/backchannel-logout"
_FORM = "application/x-www-form-urlencoded"


async def logged_out(gateway: Gateway, request: HttpRequest) -> Answer:
    """Takes a logout token; 400 for what is none, or came before. Raises StoreError."""
    given = parse_qs(request.body.decode("ascii", "replace")).get("logout_token", [])
    if request.headers.get("content-type", "").split(";")[0] != _FORM or len(given) != 1:
        return _refused("expected a form with one `logout_token`")
    now = time.time()
    await gateway.keyrings.before(gateway.logouts, given[0])
    found = await asyncio.to_thread(read_logout, gateway.logouts, given[0], now)
    if isinstance(found, Rejected):
        gateway.log.warning("a logout was refused", reason=found.reason, address=request.address)
        return _refused("the logout token is not valid")

    def work(connection: Connection) -> list[Credential] | None:
        if not log_out(connection, found, now):
            return None
        gone = credentials.good(connection, lambda one: found.means(one.told), now)
        credentials.end(connection, [one.id for one in gone], now)
        return gone

    gone = await done(gateway.store.write(work, "revocations", "credentials"))
    if gone is None:
        gateway.log.warning("a logout was refused", reason="it came before", address=request.address)
        return _refused("the logout token is not valid")
    gateway.try_note(LoggedOut(gateway.new_id(), stamp(now), found.issuer, found.subject, found.session, found.token))
    for one in gone:
        gateway.try_note(CredentialEnded(gateway.new_id(), stamp(now), one.id, one.owner, one.source, found.issuer))
    return Answer(200)


def _refused(about: str) -> Answer:
    return answer({"error": "invalid_request", "error_description": about}, 400)
