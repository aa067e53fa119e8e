"""Every setting that trades safety for something else, so that none is in force unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice.edges.config.config import Config
from sluice.edges.config.parts import is_loopback
from sluice.edges.config.sources import Source

_TLS = {
    "disable": "rows and the role's password cross the network in clear",
    "require": "whoever answers is taken for the database",
    "verify-ca": "any host with a certificate of that CA is taken for the database",
}


@dataclass(frozen=True, slots=True)
class FailOpen:
    """One such setting: where it is, and what it gives up."""

    setting: str
    means: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.means}"


def fail_open(config: Config) -> tuple[FailOpen, ...]:
    """The fail-open settings in force, in the order of the file."""
    return tuple(_all(config))


def _all(config: Config) -> Iterator[FailOpen]:
    for index, listener in enumerate(config.listeners):
        if not listener.loopback and (listener.tls is None or not listener.tls.required):
            yield FailOpen(f"listeners.{index}.allow_cleartext", "clients may send and receive everything in clear")
    if not is_loopback(config.admin.address):
        yield FailOpen(
            "admin.address", "health and metrics are open to other machines, without a login; the API is shut"
        )
    for name, source in config.sources.items():
        yield from _source(name, source)
    if config.classification.unclassified == "clear":
        yield FailOpen("classification.unclassified", "`clear`: text that nobody has looked into reaches everybody")
    for index, issuer in enumerate(config.tokens):
        if issuer.leeway > 120:
            yield FailOpen(f"tokens.{index}.leeway", "tokens are accepted long after they expired")


def _source(name: str, source: Source) -> Iterator[FailOpen]:
    if not source.local and source.tls_mode in _TLS:
        yield FailOpen(f"sources.{name}.tls.mode", f"`{source.tls_mode}`: {_TLS[source.tls_mode]}")
    if source.durability == "buffered":
        yield FailOpen(f"sources.{name}.durability", "`buffered`: a power loss may take the newest events with it")
    for setting, declared in (
        ("plain_functions", source.plain_functions),
        ("plain_extensions", source.plain_extensions),
    ):
        if declared:
            listed = ", ".join(f"`{each}`" for each in declared)
            yield FailOpen(f"sources.{name}.{setting}", f"what these read or write is not analysed: {listed}")
    if source.detection == "off":
        yield FailOpen(f"sources.{name}.detection", "`off`: secrets in columns without a label reach everybody")
