"""The purpose of a statement: the connection's, or what a sqlcommenter comment in its text says, within what is permitted.

Source: https://google.github.io/sqlcommenter/spec/ (key='url-encoded value' pairs in a comment).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from sluice.session.state import State

_COMMENT = re.compile(rb"/\*(?:[^*]|\*(?!/))*?\bpurpose='([^'*]{1,200})'")


def purpose_of(state: State, text: bytes) -> str:
    """What the statement is for. A comment can choose among the identity's purposes, never add one."""
    caller = state.caller
    if b"purpose=" not in text:
        return caller.purpose
    found = _COMMENT.search(text)
    if found is None:
        return caller.purpose
    stated = unquote(found.group(1).decode("utf-8", "replace"))
    permitted = caller.identity.purposes
    return stated if permitted is None or stated in permitted else caller.purpose
