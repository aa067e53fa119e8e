"""E-mail: who may answer is told, and how. An answer is not taken by mail: a sender's address proves nothing."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate

from sluice.edges.approvals.channels.channel import SECONDS, Channel, ChannelError, facts, headline
from sluice.edges.approvals.outbox import Message
from sluice.edges.config.approving import Approvals, Mail
from sluice.edges.secrets import SecretError


def mail(settings: Approvals) -> dict[str, Channel]:
    """The mail channel, if there is one."""
    return {} if settings.mail is None else {"mail": _Mail(settings.mail)}


def written(message: Message, address: str, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The mail that tells a message."""
    found = EmailMessage()
    found["Subject"] = " ".join(headline(message).split())[:200]
    found["From"] = Address(display_name="Sluice", addr_spec=sender)
    found["To"] = ", ".join(to)
    found["Date"] = formatdate(message.created_at)
    found["Message-ID"] = f"<{message.id}@sluice.invalid>"
    found["Auto-Submitted"] = "auto-generated"
    lines = [f"{name:>14}  {value}" for name, value in facts(message)]
    request = message.payload.get("id", "")
    if message.subject == "request-asked":
        lines += ["", f"sluice approvals show {request}", f"sluice approvals approve {request} --reason '…'"]
        lines += [address + str(request)] if address else []
        lines += ["", "Answers to this mail are not read."]
    found.set_content("\n".join([headline(message), "", *lines]) + "\n")
    return found


class _Mail:
    def __init__(self, settings: Mail) -> None:
        self._settings = settings

    def tell(self, message: Message, address: str) -> None:
        settings = self._settings
        letter = written(message, address, settings.sender, settings.to)
        try:
            with smtplib.SMTP(settings.host, settings.port, timeout=SECONDS) as server:
                if settings.starttls:
                    server.starttls(context=ssl.create_default_context())
                if settings.user is not None and settings.password is not None:
                    server.login(settings.user, settings.password.read().decode())
                refused = server.send_message(letter)
        except (OSError, smtplib.SMTPException, SecretError, UnicodeDecodeError) as error:
            raise ChannelError(f"{settings.host}: {type(error).__name__}: {str(error)[:200]}") from error
        if refused:
            raise ChannelError(f"{settings.host} refused {len(refused)} of {len(settings.to)} receivers")
