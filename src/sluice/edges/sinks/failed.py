"""What a log raises."""

from __future__ import annotations


class LogFailed(Exception):
    """The log could not be opened, written or read; nothing that depends on it may go on."""


class SegmentLocked(LogFailed):
    """A sealed segment's key is not to be had here, so its lines cannot be read."""
