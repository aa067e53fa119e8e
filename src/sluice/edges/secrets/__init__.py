"""Secrets by reference: the configuration says where a secret is, never what it is."""

from __future__ import annotations

from sluice.edges.secrets.command import CommandSecret
from sluice.edges.secrets.environment import EnvironmentSecret
from sluice.edges.secrets.file import FileSecret
from sluice.edges.secrets.secret import Secret, SecretError

__all__ = ["KINDS", "CommandSecret", "EnvironmentSecret", "FileSecret", "Secret", "SecretError"]

KINDS = (EnvironmentSecret, FileSecret, CommandSecret)
"""All ways to refer to a secret."""
