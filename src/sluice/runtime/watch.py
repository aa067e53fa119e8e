"""Notices that a file of the configuration changed: the file itself, users, labels, policies, keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice.edges.config import Config, ConfigError, load, policy_files

Seen = dict[str, tuple[int, int, int]]


def named(path: Path, config: Config) -> Config:
    """What says which files matter: the file as it is now, in force or not, or `config` while it cannot be read at all."""
    try:
        return load(path, others=False)
    except ConfigError:
        return config


class Watch:
    """What the files looked like when last seen (times, sizes, inodes)."""

    def __init__(self, path: Path, config: Config) -> None:
        self._path = path
        self._config = config
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether any differs from when it was last seen; it may block."""
        now = self._look()
        different = now != self._seen
        self._seen = now
        return different

    def follow(self, config: Config) -> None:
        """Watches the files of this configuration from here on."""
        # What they looked like is not seen anew: a file may have changed since it was read for this configuration.
        self._config = config

    def _look(self) -> Seen:
        seen: Seen = {}
        for path in self._files():
            try:
                stat = path.stat()
            except OSError:
                continue
            seen[str(path)] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return seen

    def _files(self) -> Iterator[Path]:
        yield self._path
        yield self._config.labels
        yield self._config.audit.subject_keys
        if self._config.users_file is not None:
            yield self._config.users_file
        for issuer in self._config.tokens:
            yield from (path for path in (issuer.jwks, issuer.public_key) if path is not None)
        try:
            yield from (Path(name) for name in policy_files(self._config))
        except ConfigError:
            return
