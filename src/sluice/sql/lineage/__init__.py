"""From the IR to the span: where every output comes from, what every column is used for, what is written.

Sound or opaque: a name, function, operator or construct that cannot be resolved is never taken for harmless.
"""

from __future__ import annotations

from sluice.sql.lineage.statements import analyze
from sluice.sql.lineage.work import Context

__all__ = ["Context", "analyze"]
