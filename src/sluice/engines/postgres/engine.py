"""PostgreSQL as an engine: its codecs, its voice, its dialect, its catalog."""

from __future__ import annotations

from sluice import _kernel
from sluice.engines.engine import Engine, Voice
from sluice.engines.postgres import replication, speak
from sluice.engines.postgres.catalog import build
from sluice.engines.postgres.catalog_queries import CATALOG_SQL, CHANGE_SQL, CONTEXT_SQL, FUNCTION_SQL
from sluice.engines.postgres.dialect import lower
from sluice.engines.postgres.downstream import Downstream, declared_types, parameters, values
from sluice.engines.postgres.upstream import Upstream, cells, columns

POSTGRES = Engine(
    name="postgres",
    downstream=Downstream,
    upstream=Upstream,
    columns=columns,
    parameters=parameters,
    values=values,
    declared_types=declared_types,
    cells=cells,
    count=_kernel.count_rows,
    head=_kernel.head,
    voice=Voice(
        poison_query=speak.POISON_QUERY,
        poison_prepare=speak.POISON_PREPARE,
        flush=speak.FLUSH,
        sync=speak.SYNC,
        own_statement=speak.own_statement,
        own_query=speak.own_query,
        describe_portal=speak.describe_portal,
        ready=speak.ready,
        report=speak.report,
        withhold=speak.withhold,
    ),
    lower=lower,
    normalize=_kernel.normalize,
    rails=_kernel.Lane,
    reply_signature=_kernel.reply_signature,
    catalog_sql=CATALOG_SQL,
    change_sql=CHANGE_SQL,
    context_sql=CONTEXT_SQL,
    function_sql=FUNCTION_SQL.format,
    replication_command=replication.command,
    build_catalog=build,
)
