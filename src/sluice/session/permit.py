"""The proof that a statement was allowed and recorded. Only this file makes one; nothing goes upstream without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn, SupportsIndex

from sluice.model.decision import Decision


class PermitDenied(Exception):
    """A permit was asked for what is not allowed or not recorded: a bug of the caller, never an outside fault."""


class Receipt:
    """A log's word that it holds the lines of these events. Sinks make it, after the write and never before.

    `synced`: the lines survive a power loss, not only the end of this process. A receipt without ids covers notes only.
    """

    __slots__ = ("event_ids", "synced")

    def __init__(self, event_ids: tuple[str, ...], synced: bool) -> None:
        self.event_ids: Final = event_ids
        self.synced: Final = synced

    def __repr__(self) -> str:
        return f"Receipt({self.event_ids!r}, synced={self.synced})"


_SEAL: Final = object()


class Permit:
    """Leave for one statement, or for something of Sluice's own, to go upstream."""

    __slots__ = ("_event_id", "_reason")

    def __init__(self, seal: object, event_id: str, reason: str) -> None:
        if seal is not _SEAL:
            raise PermitDenied("permits are minted, not constructed")
        self._event_id = event_id
        self._reason = reason

    @property
    def event_id(self) -> str:
        """The event that records the statement; empty for Sluice's own messages."""
        return self._event_id

    @property
    def reason(self) -> str:
        """`statement`, `refusal`, or why Sluice itself speaks."""
        return self._reason

    def __repr__(self) -> str:
        return f"Permit({self._event_id!r}, {self._reason!r})"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise PermitDenied("permits cannot be copied or stored")


def mint(decision: Decision, receipt: Receipt, event_id: str) -> Permit:
    """A permit for a statement; PermitDenied unless the decision allows it and the receipt holds its event."""
    if decision.outcome != "allow":
        raise PermitDenied("the decision does not allow the statement")
    if not event_id or event_id not in receipt.event_ids:
        raise PermitDenied("the receipt does not cover the statement's event")
    return Permit(_SEAL, event_id, "statement")


def mint_all(decisions: Sequence[Decision], receipt: Receipt, event_ids: tuple[str, ...]) -> list[Permit]:
    """Permits for statements that were recorded together, in their order; PermitDenied as `mint`, and then none is made."""
    if receipt.event_ids is event_ids and len(decisions) == len(event_ids) and "" not in event_ids:
        # The log gave back the very ids it was given: there is nothing to look up.
        for decision in decisions:
            if decision.outcome != "allow":
                raise PermitDenied("the decision does not allow the statement")
        return [Permit(_SEAL, event_id, "statement") for event_id in event_ids]
    return [mint(decision, receipt, one) for decision, one in zip(decisions, event_ids, strict=True)]


def mint_refusal(receipt: Receipt, event_id: str) -> Permit:
    """A permit for the frame that makes the server itself fail in a refused statement's place."""
    if not event_id or event_id not in receipt.event_ids:
        raise PermitDenied("the receipt does not cover the refusal's event")
    return Permit(_SEAL, event_id, "refusal")


def mint_internal(reason: str) -> Permit:
    """A permit for what Sluice says on its own account and never with a client's words (`catalog`, `describe`, …)."""
    if not reason or reason == "statement":
        raise PermitDenied("an internal message needs a reason of its own")
    return Permit(_SEAL, "", reason)
