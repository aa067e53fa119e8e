"""The purpose of a statement, and why it is asked: the connection's, or what a sqlcommenter comment in its text says.

Source: https://google.github.io/sqlcommenter/spec/ (key='url-encoded value' pairs in a comment).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from sluice.session.state import State

_COMMENT = re.compile(rb"/\*(?:[^*]|\*(?!/))*?\bpurpose='([^'*]{1,200})'")
_REASON = re.compile(rb"/\*(?:[^*]|\*(?!/))*?\breason='([^'*]{1,500})'")


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


def reason_of(state: State, text: bytes) -> str:
    """Why the statement is asked, in the caller's words: one line, so that it looks like nothing else that people are shown."""
    found = _REASON.search(text) if b"reason=" in text else None
    said = state.caller.reason if found is None else unquote(found.group(1).decode("utf-8", "replace"))
    return " ".join(said.split())
