"""The label and policy files that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice.edges.config.config import Config
from sluice.edges.config.errors import ConfigError

_GLOB = frozenset("*?[")


def policy_files(config: Config) -> dict[str, str]:
    """Path to text of every policy file, in order; ConfigError when one cannot be read or a pattern names none."""
    found: dict[str, str] = {}
    for pattern in config.policies:
        paths = sorted(_matching(pattern))
        if not paths:
            raise ConfigError(str(pattern), 0, "names no policy file", "expected a `*.cedar` file, or a folder of them")
        for path in paths:
            found[str(path)] = _text(path)
    return found


def read_labels(config: Config) -> str:
    """The text of the label file; ConfigError when it cannot be read."""
    return _text(config.labels)


def _matching(pattern: Path) -> Iterator[Path]:
    if _GLOB.isdisjoint(str(pattern)):
        return pattern.glob("*.cedar") if pattern.is_dir() else iter((pattern,))
    root = Path(pattern.anchor)
    return (path for path in root.glob(str(pattern.relative_to(root))) if path.is_file())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(str(path), 0, "is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(str(path), 0, f"cannot be read: {error.strerror}") from error
