"""Which of PostgreSQL's own functions are plain computations, and how aggregates carry values.

A function of pg_catalog that the server itself declares immutable in all its forms computes on its arguments alone: by
definition it may read no table, setting or file. Of the others only those named here pass, each looked at by hand; the
rest is opaque.
Volatility: https://www.postgresql.org/docs/current/xfunc-volatility.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sluice.engines.postgres.hazards import ACTS, KEEPS, NEVER, READS
from sluice.sql.catalog import Function, TypeInfo

_PLAIN: Mapping[str, str] = {
    "values in other shapes": """
        array_out array_to_json array_to_string array_sample array_shuffle anytextcat textanycat concat
        concat_ws convert convert_from convert_to format length quote_literal quote_nullable in_range
    """,
    "json": """
        json_build_array json_build_object json_populate_record json_populate_recordset json_to_record
        json_to_recordset row_to_json to_json jsonb_build_array jsonb_build_object jsonb_populate_record
        jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record jsonb_to_recordset to_jsonb
        jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz
        jsonb_path_query_tz json_agg json_agg_strict json_object_agg json_object_agg_strict
        json_object_agg_unique json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg
        jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict
    """,
    "time and chance, conversions that heed DateStyle and TimeZone": """
        clock_timestamp now statement_timestamp transaction_timestamp timeofday to_char to_date to_number
        to_timestamp make_timestamptz date_part date_trunc extract age timezone date_add date_subtract
        generate_series date time timetz timestamp timestamptz interval money numeric overlaps random
        random_normal gen_random_uuid uuidv4 uuidv7
    """,
    "types": """
        range_out record_out multirange_out enum_first enum_last enum_range text varchar bpchar name int2 int4
        int8 float4 float8 oid regclass
    """,
    "text search, xml": """
        to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_headline
        json_to_tsvector jsonb_to_tsvector xml xmlvalidate xml_is_well_formed ts_parse ts_token_type ts_debug
        get_current_ts_config
    """,
    "the session and the server": """
        current_database current_schema current_schemas current_user session_user getpgusername system_user
        version pg_backend_pid pg_client_encoding getdatabaseencoding pg_encoding_to_char pg_char_to_encoding
        pg_encoding_max_length inet_client_addr inet_client_port inet_server_addr inet_server_port
        pg_postmaster_start_time pg_conf_load_time pg_is_in_recovery pg_my_temp_schema pg_is_other_temp_schema
        pg_trigger_depth txid_current txid_current_if_assigned txid_current_snapshot pg_current_xact_id
        pg_current_xact_id_if_assigned pg_current_snapshot pg_jit_available mxid_age pg_blocking_pids
        pg_safe_snapshot_blocking_pids pg_current_wal_lsn pg_current_wal_insert_lsn pg_current_wal_flush_lsn
        pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_is_wal_replay_paused
        pg_advisory_unlock_all
    """,
    "privileges": """
        has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
        has_function_privilege has_language_privilege has_parameter_privilege has_schema_privilege
        has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
        has_type_privilege pg_has_role row_security_active has_largeobject_privilege pg_get_acl
    """,
    "the catalogs, as psql and drivers read them": """
        format_type pg_typeof pg_basetype col_description obj_description shobj_description oidvectortypes
        pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_partkeydef pg_get_partition_constraintdef
        pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
        pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_get_viewdef
        pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_arg_default
        pg_get_function_result pg_get_keywords pg_get_publication_tables pg_get_replica_identity_index
        pg_describe_object pg_identify_object pg_identify_object_as_address pg_get_object_address
        pg_collation_for pg_collation_is_visible pg_conversion_is_visible pg_function_is_visible
        pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_statistics_obj_is_visible
        pg_table_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
        pg_ts_template_is_visible pg_type_is_visible pg_index_column_has_property pg_index_has_property
        pg_indexam_has_property pg_column_is_updatable pg_relation_is_updatable pg_relation_is_publishable
        pg_options_to_table pg_partition_ancestors pg_partition_root pg_partition_tree pg_sequence_parameters
        pg_tablespace_location pg_timezone_names pg_timezone_abbrevs pg_available_extensions
        pg_available_extension_versions pg_extension_update_paths pg_settings_get_flags
    """,
    "sizes, names of objects": """
        pg_database_size pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size
        pg_tablespace_size pg_relation_filenode pg_size_pretty pg_size_bytes pg_column_size
        pg_column_compression aclexplode makeaclitem acldefault to_regclass to_regcollation to_regnamespace
        to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_regtypemod
        pg_relation_filepath pg_filenode_relation pg_tablespace_databases
    """,
    "counters": """
        currval lastval pg_sequence_last_value pg_get_sequence_data
        pg_stat_get_numscans pg_stat_get_tuples_returned pg_stat_get_live_tuples pg_stat_get_dead_tuples
        pg_stat_get_blocks_fetched pg_stat_get_blocks_hit
    """,
}
PLAIN = frozenset(name for names in _PLAIN.values() for name in names.split())
"""Stable and volatile functions that are taken for plain. `pg_advisory_unlock_all` takes nothing, and pools clean a connection with it;
a sequence's last value is what `nextval` and its own row tell anyhow, and no column's value gets there (`setval` is a hazard)."""

_AGGREGATES = frozenset(
    {
        "count",
        "sum",
        "avg",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
        "corr",
        "covar_pop",
        "covar_samp",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "rank",
        "dense_rank",
        "percent_rank",
        "cume_dist",
    }
)


def classified(name: str, sorts: str) -> Function:
    """A function of pg_catalog by what the server says of its forms: (volatility, kind) letters, by comma (`if,sf`)."""
    forms = sorts.split(",")
    aggregate = any(form[1] in "aw" for form in forms)
    plain = name in PLAIN or aggregate or all(form[0] == "i" for form in forms)
    kind: Literal["value", "aggregate"] | None = None
    if aggregate:
        # A window's ranks tell an order, an aggregate's counts and sums a total; all others hand on values themselves.
        kind = "aggregate" if name in _AGGREGATES and any(form[1] == "a" for form in forms) else "value"
    reads, keeps = READS.get(name, ()), name in KEEPS
    plain = plain and name not in NEVER and not reads and not keeps
    return Function("pg_catalog", name, True, plain, kind, reads=reads, keeps=keeps, acts=name in ACTS)


_OWN = frozenset({"_pg_expandarray"})
"""Functions of information_schema that drivers call to list keys."""

_SPREAD = frozenset({"anyelement", "anynonarray", "anycompatible", "anycompatiblenonarray", "record"})
"""Pseudo-types that stand for a row where the arguments make them one."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a function: its volatility and kind (`if`), the type it returns, its parameters' names and modes, whether
    it returns a set."""

    sort: str
    returns: int
    names: Sequence[str] | None = None
    modes: Sequence[str] | None = None
    many: bool = False


def builtin(name: str, forms: Sequence[Form], types: Mapping[int, TypeInfo]) -> Function:
    """A function of pg_catalog that came with the server."""
    return shaped(classified(name, ",".join(sorted({form.sort for form in forms}))), forms, types)


def own(schema: str, name: str, forms: Sequence[Form], types: Mapping[int, TypeInfo], *, came: bool) -> Function:
    """A function of another schema; `came`: with the server, in all its forms."""
    plain = came and schema == "information_schema" and name in _OWN
    return shaped(Function(schema, name, came, plain), forms, types)


def shaped(function: Function, forms: Sequence[Form], types: Mapping[int, TypeInfo]) -> Function:
    """The function with what its forms say of its results; its columns are known only where all say the same."""
    columns = {_columns(form, types) for form in forms}
    return replace(
        function,
        columns=columns.pop() if len(columns) == 1 else None,
        returns=frozenset(form.returns for form in forms),
        many=any(form.many for form in forms),
    )


def _columns(form: Form, types: Mapping[int, TypeInfo]) -> tuple[str, ...] | None:
    names = form.names or [""] * len(form.modes or ())
    outs = tuple(name for name, mode in zip(names, form.modes or (), strict=False) if mode in "obt")
    if len(outs) > 1:
        return outs if all(outs) else None
    if _spreads(form.returns, types):
        return None
    return tuple(name for name in outs if name)


def _spreads(oid: int, types: Mapping[int, TypeInfo], depth: int = 0) -> bool:
    """Whether FROM makes several columns of one value of this type. An unknown type: yes."""
    info = types.get(oid)
    if info is None or depth > 16:
        return True
    if info.kind == "domain":
        return _spreads(info.base_oid or 0, types, depth + 1)
    return info.kind == "composite" or (info.kind == "pseudo" and info.name in _SPREAD)
