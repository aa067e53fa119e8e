"""What a running gateway goes by for one source, for commands that decide without one: its catalog, its labels, its names."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sluice.edges.config import Config, Source
from sluice.engines.postgres.catalog import CatalogError, build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL, CONTEXT_SQL
from sluice.engines.postgres.dialect import lower
from sluice.faces.cli.database import look
from sluice.faces.cli.statuses import Failure, Status
from sluice.policy.binding import Binding
from sluice.policy.book import LabelBook
from sluice.policy.decide import SourceInfo
from sluice.runtime.learned import read_learned
from sluice.runtime.proposed import Proposed
from sluice.sql.catalog import Catalog
from sluice.sql.lineage import Context


@dataclass(frozen=True, slots=True)
class Standing:
    """A source as it stands. `context` is how names resolve in a session of its upstream role."""

    info: SourceInfo
    catalog: Catalog
    context: Context
    _config: Config

    def bound(self, book: LabelBook) -> Binding:
        """The labels of its columns: written down in the book, taken on by writes, proposed by a scan; `unknown` is what is in none."""
        name, folder = self.info.name, self._config.audit.path
        learned, proposed = read_learned(folder).get(name, {}), Proposed(folder)
        labels = proposed.joined(name, learned, self.catalog, book.assigned(name))
        unknown = self._config.classification.unclassified == "unknown"
        return book.bind(name, self.catalog, None, labels, proposed.classified(name) if unknown else None)


def standing(config: Config, name: str, source: Source) -> Standing:
    """Reads the source's catalog. Raises Failure when it cannot be reached or read."""
    with look(name, source) as found:
        rows = [str(row[0]) for row in found.rows(CATALOG_SQL)]
        path, user, temporary = found.one(CONTEXT_SQL)[:3]
    try:
        catalog = build(rows, source.vouched)
    except CatalogError as error:
        raise Failure(Status.UNREACHABLE, f"the source `{name}`: {error}") from error
    context = Context(search_path=tuple(json.loads(path)), user=user, temp_schema=temporary or None, lower=lower)
    return Standing(SourceInfo(name, source.environment, source.engine), catalog, context, config)
