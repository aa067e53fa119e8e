"""The page of a request, for who may answer it: what is asked, by whom, why, what it would touch, and two buttons. No script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem}dt{opacity:.7}dd{margin:0;white-space:pre-wrap;"
    "overflow-wrap:anywhere}textarea{width:100%;box-sizing:border-box}button{font:inherit;padding:.4rem 1.2rem;margin:.6rem .6rem 0 0}"
    "[role=status]{border-left:4px solid;padding:.4rem 1rem}"
)
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What a browser is to let this page do (Content-Security-Policy)."""


def shown(
    title: str, facts: Sequence[tuple[str, str]], who: str, said: str = "", form: tuple[str, str] | None = None
) -> bytes:
    """The page. `said`: what came of an answer; `form`: the path that takes one, and the mark it has to carry."""
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    status = f'<p role="status">{escape(said)}</p>' if said else ""
    return _whole(title, f"{status}<dl>{listed}</dl>{_form(*form) if form else ''}<p>You are {escape(who)}.</p>")


def plain(title: str, said: str) -> bytes:
    """A page that only says something."""
    return _whole(title, f'<p role="status">{escape(said)}</p>')


def _form(path: str, mark: str) -> str:
    return (
        f'<form method="post" action="{escape(path)}"><input type="hidden" name="mark" value="{escape(mark)}">'
        '<label for="reason">Reason</label><textarea id="reason" name="reason" rows="3" maxlength="2000" required></textarea>'
        '<button name="verdict" value="approve">Approve</button><button name="verdict" value="deny">Deny</button></form>'
    )


def _whole(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    ).encode()
