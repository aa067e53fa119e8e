"""How the measurements of the log are run by themselves."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def run(about: str | None, measure: Callable[[int, Path], Mapping[str, object]], name: str, events: int) -> None:
    """Measures so many events in a folder of its own, which goes afterwards, and prints what was found."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--events", type=int, default=events)
    parser.add_argument("--folder", type=Path, help="Where to work, instead of the system's temporary folder.")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"sluice-{name}-", dir=given.folder))
    try:
        print(json.dumps(measure(given.events, folder), indent=2))
    finally:
        shutil.rmtree(folder)
