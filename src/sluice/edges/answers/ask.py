"""Questions asked of the columns of one or more logs, in SQL, read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice.edges.answers.engine import connect, errors
from sluice.edges.answers.index import files
from sluice.edges.answers.shape import DATASETS, EMPTY, VIEWS
from sluice.edges.sinks.jsonl import LogFailed


class Answers:
    """The columns of logs as tables, one for each of `DATASETS`, and the view `statements`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """LogFailed when the columns cannot be read."""
        self._database = connect()
        self._files = [files(folder) for folder in folders]
        if any(one.encrypted for one in self._files):
            # What does not fit into memory would lie on the disk in clear.
            self._database.execute("set temp_directory = ''")
        for name in DATASETS:
            paths = [path for one in self._files for path in one.paths[name]]
            listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            source = f"select * from read_parquet([{listed}])" if paths else EMPTY[name]
            if name in ("shapes", "callers"):
                # Several logs know the same ones; each counts once.
                source = f"select distinct on ({name.removesuffix('s')}) * from ({source})"
            kind = "table" if name in ("shapes", "callers") else "view"
            self._database.execute(f"create {kind} {name} as {source}")
        for name, query in VIEWS.items():
            self._database.execute(f"create view {name} as {query}")
        self._database.execute("set lock_configuration = true")

    def rows(
        self, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of the columns and the rows; LogFailed with the database's words when the query is wrong."""
        try:
            done = self._database.execute(query, parameters)
            names = [column[0] for column in done.description or ()]
            return names, done.fetchall()
        except errors() as error:
            raise LogFailed(f"the question cannot be answered: {error}") from error

    def close(self) -> None:
        """Lets go of the files."""
        self._database.close()
        for one in self._files:
            one.close()
