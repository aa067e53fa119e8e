"""The rules a configuration names, read and checked: policies, labels, keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluice.edges.config import Config, ConfigError, policy_files, read_labels
from sluice.edges.evidence.subjects import load_or_create_keys
from sluice.edges.secrets import SecretError
from sluice.edges.sinks.failed import LogFailed
from sluice.engines.postgres.hazards import LABELLED
from sluice.mask.subjects import SubjectKey
from sluice.policy.book import LabelBook
from sluice.policy.bundle import PolicyBundle
from sluice.policy.labels import LabelError, load_labels
from sluice.policy.load import PolicyError, load_policies


class RulesError(Exception):
    """Rules that cannot be put in force; the text says file, line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides, besides the catalogs."""

    bundle: PolicyBundle
    book: LabelBook
    key: bytes = field(repr=False)
    subject_key: SubjectKey | None = field(repr=False)
    """None: no label is said to identify people."""


def read_rules(config: Config) -> Rules:
    """Reads what the configuration names (it may block). Raises RulesError."""
    try:
        bundle = load_policies(policy_files(config))
        book = load_labels(read_labels(config), str(config.labels), LABELLED)
        named = load_or_create_keys(config.audit.subject_keys)[-1] if book.subjects else None
        return Rules(bundle, book, config.masking.key.read(), named)
    except (ConfigError, PolicyError, LabelError, SecretError, LogFailed) as error:
        raise RulesError(str(error)) from error
