"""The commands of a replication connection, told from SQL as the server tells them: by their first word alone.

Sources: https://www.postgresql.org/docs/current/protocol-replication.html; the server's scanner knows these words in upper case only.
"""

from __future__ import annotations

import re

_COMMAND = re.compile(
    rb"[ \t\n\r\f\v]*(IDENTIFY_SYSTEM|READ_REPLICATION_SLOT|CREATE_REPLICATION_SLOT|ALTER_REPLICATION_SLOT"
    rb"|DROP_REPLICATION_SLOT|START_REPLICATION|TIMELINE_HISTORY|BASE_BACKUP|UPLOAD_MANIFEST|SHOW)(?![\w$\x80-\xff])"
)


def command(text: bytes) -> str:
    """The replication command that a text is, in lower case; empty: the server takes it for SQL."""
    found = _COMMAND.match(text)
    return "" if found is None else found[1].decode("ascii").lower()
