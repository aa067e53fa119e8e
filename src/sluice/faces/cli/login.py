"""`sluice login`, `sluice logout`, `sluice whoami`: signing in at the identity provider that a gateway trusts."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from sluice.edges.signin import Client, Redirect, SignInError, Tokens, alone, forget, recall, remember
from sluice.faces.cli import gateways
from sluice.faces.cli.api import clock
from sluice.faces.cli.options import AsJson
from sluice.faces.cli.output import Output, clean
from sluice.faces.cli.signed_in import Authority, Gateway, address, ask, client_of, fresh, kept_of, told
from sluice.faces.cli.statuses import Failure, Status

_PATIENCE_SECONDS = 300.0


def login(
    gateway: Gateway = "",
    device: Annotated[
        bool, typer.Option("--device", help="Sign in on another device, by a code: for machines without a browser.")
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open a browser here; else only print the address.")] = True,
    ca: Authority = "",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port the browser comes back to; 0 is any.")] = 0,
    json: AsJson = False,
) -> None:
    """Sign in at the gateway's identity provider. Then `sluice psql`, `sluice connect` and `sluice env` need no password.

    What is kept of it is in the system's keychain, where there is one and `sluice[keychain]` is installed, and else in
    `~/.config/sluice/login.json`, which only you can read; `sluice logout` removes it.

    Examples:

      sluice login --gateway https://gate.example.com

      sluice login --device

      sluice login --gateway https://gate.example.com --ca company-ca.pem
    """
    with told():
        where = address(gateway, _recalled())
        # The file is read again by commands that run elsewhere.
        ca = str(Path(ca).resolve()) if ca else ""
        about = gateways.ask(where, "", "GET", "/.well-known/sluice", ca=ca)
        client = Client(about["issuer"], about["client_id"], tuple(about["scopes"]), about["resource"], ca or None)
        tokens = _on_a_device(client) if device else _in_a_browser(client, browser, port)
        kept = kept_of(where, about, tokens, ca)
        if not kept.token:
            raise Failure(
                Status.FAILED, f"the issuer gave no `{kept.proof}`", "the gateway's `login` needs other scopes"
            )
        # Only what the gateway takes is kept.
        found = gateways.ask(where, f"Bearer {kept.token}", "GET", "/v1/me", ca=ca)
        with alone():
            remember(kept)
    out = Output(json)
    out.data({"gateway": where, **found})
    out.say(f"signed in at {where} as {_name(found)}", "ok")
    _show_sources(out, found)


def logout(json: AsJson = False) -> None:
    """Sign out: your database credentials end, their sessions with them, and nothing of the sign-in is kept here.

    Examples:

      sluice logout
    """
    kept, troubles, ended, revoked = _recalled(), [], 0, False
    if kept is not None:
        try:
            # Of who signed in here, whatever token the environment holds.
            with told():
                kept = fresh() or kept
            proof = f"Bearer {kept.token}"
            ended = len(gateways.ask(kept.gateway, proof, "POST", "/v1/credentials/end", {}, kept.ca))
        except Failure as failure:
            troubles.append(f"your database credentials may last until they expire: {failure}")
        try:
            # It may have been changed for another one just now.
            kept = recall() or kept
            revoked = bool(kept.refresh) and client_of(kept).revoke(kept.refresh)
        except SignInError as error:
            troubles.append(f"the issuer may not know that you signed out: {error}")
    removed = forget()
    out = Output(json)
    if troubles:
        raise Failure(Status.UNREACHABLE, "signed out here, but " + "; ".join(troubles))
    out.data({"signed_out": removed, "ended": ended, "revoked": revoked})
    out.say("signed out" if removed else "you were not signed in", "ok" if removed else "note")
    if kept is not None and kept.refresh and not revoked:
        out.say("the issuer takes no word of that: it has no `revocation_endpoint`", "note")


def whoami(gateway: Gateway = "", json: AsJson = False) -> None:
    """Show who you are to the gateway, in which groups, for which purposes, and which sources you may connect to.

    Examples:

      sluice whoami
    """
    found = ask(gateway, "GET", "/v1/me")
    out = Output(json)
    out.data(found)
    out.say(_name(found))
    out.say("groups: " + (", ".join(found["groups"]) or "none"))
    purposes = found["purposes"]
    out.say("purposes: " + ("any" if purposes is None else ", ".join(purposes) or "none"))
    _show_sources(out, found)
    if found["expires_at"]:
        out.say(f"this token is good until {clock(found['expires_at'])}", "note")


def _name(found: dict[str, Any]) -> str:
    own = f"{found['kind']}:{found['name']}"
    return f"{own} for {found['on_behalf_of']}" if found["on_behalf_of"] else own


def _show_sources(out: Output, found: dict[str, Any]) -> None:
    out.say("sources: " + (", ".join(found["sources"]) or "none that you may connect to"))


def _recalled() -> Any:
    """What is kept; nothing where it cannot be trusted."""
    try:
        return recall()
    except SignInError as error:
        typer.echo(f"warning: {clean(str(error))}", err=True)
        return None


def _in_a_browser(client: Client, browser: bool, port: int) -> Tokens:
    with Redirect(port) as redirect:
        pending = client.begin(redirect.uri)
        typer.echo(f"sign in here: {clean(pending.url)}", err=True)
        if browser:
            webbrowser.open(pending.url)
        answer = redirect.wait(_PATIENCE_SECONDS)
    if answer is None:
        raise SignInError("nobody signed in within five minutes")
    return client.finish(pending, answer)


def _on_a_device(client: Client) -> Tokens:
    device = client.begin_device()
    typer.echo(f"sign in here: {clean(device.complete or device.address)}", err=True)
    typer.echo(f"the code is: {clean(device.user_code)}", err=True)
    return client.finish_device(device)
