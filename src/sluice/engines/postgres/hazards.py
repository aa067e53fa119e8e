"""What PostgreSQL's own catalogs hold of secrets and of other columns' values: labelled out of the box.

Source: https://www.postgresql.org/docs/current/catalogs.html and …/monitoring-stats.html
"""

from __future__ import annotations

from sluice.model.columns import ColumnRef

_SYSTEM = "pg_catalog"

_STATISTICS = {
    "pg_stats": ("most_common_vals", "histogram_bounds", "most_common_elems", "range_bounds_histogram"),
    "pg_stats_ext": ("most_common_vals",),
    "pg_stats_ext_exprs": ("most_common_vals", "histogram_bounds", "most_common_elems"),
    "pg_statistic": ("stavalues1", "stavalues2", "stavalues3", "stavalues4", "stavalues5"),
    "pg_statistic_ext_data": ("stxdndistinct", "stxddependencies", "stxdmcv", "stxdexpr"),
    "pg_largeobject": ("data",),
}
_STATEMENTS = {
    "pg_stat_activity": ("query",),
    "pg_stat_statements": ("query",),
    "pg_prepared_statements": ("statement",),
    "pg_cursors": ("statement",),
    "pg_prepared_xacts": ("gid",),
    "pg_locks": ("objid", "classid"),
    "pg_sequences": ("last_value",),
    "pg_seclabel": ("label",),
}
_SECRETS = {
    "pg_authid": ("rolpassword",),
    "pg_shadow": ("passwd",),
    "pg_user_mapping": ("umoptions",),
    "pg_user_mappings": ("umoptions",),
    "pg_subscription": ("subconninfo",),
    "pg_foreign_server": ("srvoptions",),
    "pg_foreign_data_wrapper": ("fdwoptions",),
    "pg_foreign_table": ("ftoptions",),
    "pg_hba_file_rules": ("options",),
    "pg_ident_file_mappings": ("pg_username", "sys_name"),
    "pg_file_settings": ("setting",),
    "pg_db_role_setting": ("setconfig",),
    "pg_stat_wal_receiver": ("conninfo",),
    "pg_proc": ("prosrc", "probin", "prosqlbody"),
}

STATISTICS = "opaque.statistics"
STATEMENT = "opaque.statement"
SECRET = "secret.connection"  # noqa: S105 - a label's name
PASSWORD = "secret.password_hash"  # noqa: S105 - a label's name


def _labelled() -> dict[ColumnRef, str]:
    found: dict[ColumnRef, str] = {}
    for label, tables in ((STATISTICS, _STATISTICS), (STATEMENT, _STATEMENTS), (SECRET, _SECRETS)):
        for table, columns in tables.items():
            found |= dict.fromkeys((ColumnRef(_SYSTEM, table, column) for column in columns), label)
    for table, column in (("pg_authid", "rolpassword"), ("pg_shadow", "passwd")):
        found[ColumnRef(_SYSTEM, table, column)] = PASSWORD
    for table, column in (("routines", "routine_definition"), ("user_mapping_options", "option_value")):
        found[ColumnRef("information_schema", table, column)] = SECRET
    return found


LABELLED = _labelled()
"""Columns of the system's own that carry values of others, or secrets, and the label each has."""
