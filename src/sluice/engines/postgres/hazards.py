"""Where PostgreSQL's own catalogs hold secrets or other columns' values, and its functions that reach past a query.

Both are closed lists, held against a running server's catalogs by tests.
Sources: https://www.postgresql.org/docs/current/catalogs.html, …/views.html, …/monitoring-stats.html, …/functions.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.model.columns import ColumnRef

_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "secret.password_hash": {"pg_authid": "rolpassword", "pg_shadow": "passwd"},
    "secret.connection": {
        "pg_user_mapping": "umoptions",
        "pg_user_mappings": "umoptions",
        "pg_subscription": "subconninfo",
        "pg_stat_wal_receiver": "conninfo",
        "pg_foreign_server": "srvoptions",
        "pg_foreign_data_wrapper": "fdwoptions",
        "pg_foreign_table": "ftoptions",
        "pg_hba_file_rules": "options error",
        "pg_ident_file_mappings": "pg_username sys_name",
        "information_schema._pg_user_mappings": "umoptions",
        "information_schema._pg_foreign_servers": "srvoptions",
        "information_schema._pg_foreign_data_wrappers": "fdwoptions",
        "information_schema._pg_foreign_tables": "ftoptions",
        "information_schema.user_mapping_options": "option_value",
        "information_schema.foreign_server_options": "option_value",
        "information_schema.foreign_data_wrapper_options": "option_value",
        "information_schema.foreign_table_options": "option_value",
    },
    # Settings hold connection strings, commands with passwords, and whatever a client put into one of its own.
    "secret.setting": {
        "pg_settings": "setting reset_val",
        "pg_file_settings": "setting error",
        "pg_db_role_setting": "setconfig",
        "pg_roles": "rolconfig",
        "pg_user": "useconfig",
        "pg_shadow": "useconfig",
        "pg_proc": "proconfig",
    },
    "secret.source": {
        "pg_proc": "prosrc probin prosqlbody",
        "information_schema.routines": "routine_definition",
    },
    # What other sessions say: statements with their constants, and numbers that a lock or a sequence may be given.
    "opaque.statement": {
        "pg_stat_activity": "query",
        "pg_prepared_statements": "statement",
        "pg_cursors": "statement",
        "pg_backend_memory_contexts": "ident",
        "pg_prepared_xacts": "gid",
        "pg_locks": "objid classid",
        "pg_sequences": "last_value",
        "pg_seclabel": "label",
        "pg_seclabels": "label",
        "pg_shseclabel": "label",
    },
    # Widths, frequencies and correlations too: of a table of one row they are the row's.
    "opaque.statistics": {
        "pg_stats": (
            "avg_width n_distinct most_common_vals most_common_freqs histogram_bounds correlation most_common_elems"
            " most_common_elem_freqs elem_count_histogram range_length_histogram range_empty_frac range_bounds_histogram"
        ),
        "pg_stats_ext": "n_distinct dependencies most_common_vals most_common_freqs most_common_base_freqs",
        "pg_stats_ext_exprs": (
            "avg_width n_distinct most_common_vals most_common_freqs histogram_bounds correlation most_common_elems"
            " most_common_elem_freqs elem_count_histogram"
        ),
        "pg_statistic": (
            "stawidth stadistinct stanumbers1 stanumbers2 stanumbers3 stanumbers4 stanumbers5"
            " stavalues1 stavalues2 stavalues3 stavalues4 stavalues5"
        ),
        "pg_statistic_ext_data": "stxdndistinct stxddependencies stxdmcv stxdexpr",
    },
    # The rows' own values, kept elsewhere: large objects, and what a column added with a default has in older rows.
    "opaque.value": {"pg_largeobject": "data", "pg_attribute": "attmissingval"},
}


def _labelled() -> dict[ColumnRef, str]:
    found: dict[ColumnRef, str] = {}
    for label, tables in _COLUMNS.items():
        for name, columns in tables.items():
            schema, _, table = name.rpartition(".")
            found |= {ColumnRef(schema or "pg_catalog", table, column): label for column in columns.split()}
    return found


LABELLED = _labelled()
"""Columns of the system's own that carry values of others, or secrets, and the label each has."""

_FUNCTIONS: Mapping[str, str] = {
    "dynamic sql": """
        query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
        table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
        schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
        ts_stat ts_rewrite
    """,
    "files": """
        pg_read_file pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
        pg_ls_archive_statusdir pg_ls_replslotdir pg_ls_logicalsnapdir pg_ls_logicalmapdir pg_current_logfile
        pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
    """,
    "large objects": """
        lo_get lo_put lo_from_bytea lo_import lo_export lo_open lo_close lo_creat lo_create lo_unlink lo_truncate
        lo_truncate64 lo_lseek lo_lseek64 lo_tell lo_tell64 loread lowrite
    """,
    "settings": "current_setting set_config pg_show_all_settings pg_reload_conf setseed",
    "other sessions": """
        current_query pg_stat_get_activity pg_cursor pg_prepared_statement pg_prepared_xact
        pg_lock_status pg_get_backend_memory_contexts pg_log_backend_memory_contexts pg_terminate_backend
        pg_cancel_backend pg_export_snapshot txid_status pg_xact_status
    """,
    "time": "pg_sleep pg_sleep_for pg_sleep_until",
    "replication": """
        pg_logical_emit_message pg_logical_slot_get_changes pg_logical_slot_peek_changes
        pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes pg_create_logical_replication_slot
        pg_create_physical_replication_slot pg_drop_replication_slot pg_replication_slot_advance
        pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_replication_origin_create
        pg_create_restore_point pg_switch_wal pg_promote pg_backup_start pg_backup_stop pg_stat_get_wal_receiver
    """,
    "stored values": """
        setval currtid2 pg_mcv_list_items
        binary_upgrade_set_missing_value pg_restore_attribute_stats pg_restore_relation_stats
    """,
    # Input functions of any type by its name, which run what a domain's CHECK calls.
    "code": """
        pg_input_error_info pg_input_is_valid
        array_in record_in range_in multirange_in domain_in
    """,
}

NEVER: Mapping[str, str] = {name: kind for kind, names in _FUNCTIONS.items() for name in names.split()}
"""Functions that carry values past the analysis or act on the server, and what they reach; never plain."""

KEEPS = frozenset(
    """
    nextval pg_notify pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    pg_advisory_unlock pg_advisory_unlock_shared
    """.split()  # noqa: SIM905
)
"""Functions that do something harmless by what they are told, for others to see: plain as long as no column tells them."""

ACTS = KEEPS | {"pg_advisory_unlock_all", "txid_current", "pg_current_xact_id", "random", "random_normal"}
"""Functions that leave a trace of having been called: what decides whether they are is as good as told."""

READS: Mapping[str, tuple[ColumnRef, ...]] = {
    name: tuple(ColumnRef("pg_catalog", *column.split(".")) for column in columns.split())
    for name, columns in {
        "pg_get_functiondef": "pg_proc.prosrc pg_proc.probin pg_proc.prosqlbody pg_proc.proconfig",
        "pg_get_function_sqlbody": "pg_proc.prosqlbody",
        "pg_stat_get_backend_activity": "pg_stat_activity.query",
    }.items()
}
"""Functions that hand out what these columns of the system hold, and do nothing else: they show as much as the columns do."""
