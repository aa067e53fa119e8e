"""Kinds of statements of which the kind alone says what they are called and which group of actions they belong to."""

from __future__ import annotations

from sluice.sql.span import SessionEffect

TRANSACTIONS: dict[str, tuple[str, tuple[SessionEffect, ...]]] = {
    "TRANS_STMT_BEGIN": ("begin", (SessionEffect("begin"),)),
    "TRANS_STMT_START": ("begin", (SessionEffect("begin"),)),
    "TRANS_STMT_COMMIT": ("commit", (SessionEffect("commit"),)),
    "TRANS_STMT_ROLLBACK": ("rollback", (SessionEffect("rollback"),)),
    "TRANS_STMT_SAVEPOINT": ("savepoint", (SessionEffect("savepoint"),)),
    "TRANS_STMT_RELEASE": ("release", ()),
    "TRANS_STMT_ROLLBACK_TO": ("rollback to", (SessionEffect("rollback-to"),)),
}
HARMLESS_SETTINGS = frozenset(
    {
        "application_name", "bytea_output", "client_encoding", "client_min_messages", "datestyle", "default_transaction_deferrable",
        "default_transaction_isolation", "default_transaction_read_only", "extra_float_digits", "idle_in_transaction_session_timeout",
        "idle_session_timeout", "intervalstyle", "jit", "lc_messages", "lc_monetary", "lc_numeric", "lc_time", "lock_timeout",
        "statement_timeout", "synchronize_seqscans", "timezone", "transaction_deferrable", "transaction_isolation",
        "transaction_read_only", "transaction_timeout", "work_mem", "xmlbinary", "xmloption", "standard_conforming_strings",
        "enable_seqscan", "enable_indexscan", "enable_hashjoin", "enable_mergejoin", "enable_nestloop", "max_parallel_workers_per_gather",
        "geqo", "random_page_cost", "plan_cache_mode", "check_function_bodies", "row_security", "search_path", "names",
        "default_tablespace", "default_table_access_method", "quote_all_identifiers", "restrict_nonsystem_relation_kind",
        "constraint_exclusion", "cursor_tuple_fraction", "join_collapse_limit", "from_collapse_limit", "maintenance_work_mem",
        "seq_page_cost", "effective_cache_size", "hash_mem_multiplier", "client_connection_check_interval", "enable_bitmapscan",
        "enable_sort", "enable_indexonlyscan", "enable_material", "enable_partition_pruning", "enable_partitionwise_join",
        "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "temp_buffers", "gin_fuzzy_search_limit",
    }
)  # fmt: skip
"""Settings any session may change; others are administration."""

FREE_SETTINGS = frozenset(
    {
        "application_name", "search_path", "timezone", "backtrace_functions", "default_tablespace", "temp_tablespaces",
        "dynamic_library_path", "extension_control_path", "session_authorization", "role",
    }
)  # fmt: skip
"""Settings that a session may give any text, or nearly any."""

SECRET_SETTINGS = frozenset(
    {
        "primary_conninfo", "ssl_passphrase_command", "archive_command", "archive_cleanup_command", "restore_command",
        "recovery_end_command",
    }
)  # fmt: skip
"""Settings in which operators write passwords."""

DEFINE_AT: dict[str, str] = {
    "CreateStmt": "create table", "CreateForeignTableStmt": "create foreign table", "IndexStmt": "create index", "AlterTableStmt": "alter table",
    "CreateSchemaStmt": "create schema", "CreateSeqStmt": "create sequence", "AlterSeqStmt": "alter sequence", "RenameStmt": "rename",
    "AlterObjectSchemaStmt": "alter schema of", "CommentStmt": "comment",
    "CreateDomainStmt": "create domain", "CreateEnumStmt": "create type", "AlterEnumStmt": "alter type",
    "CompositeTypeStmt": "create type", "CreateRangeStmt": "create type", "AlterTypeStmt": "alter type",
    "CreateConversionStmt": "create conversion",
    "CreateOpFamilyStmt": "create operator family", "AlterOpFamilyStmt": "alter operator family",
    "CreateStatsStmt": "create statistics", "AlterStatsStmt": "alter statistics", "AlterTSDictionaryStmt": "alter text search dictionary",
    "AlterTSConfigurationStmt": "alter text search configuration", "AlterCollationStmt": "alter collation",
    "AlterObjectDependsStmt": "alter depends", "RefreshMatViewStmt": "refresh materialized view",
}  # fmt: skip

# Code that runs later, with whoever meets it, is administration however it is written.
ADMINISTER: dict[str, str] = {
    "CreateTrigStmt": "create trigger",
    "RuleStmt": "create rule",
    "CreatePolicyStmt": "create policy",
    "AlterPolicyStmt": "alter policy",
    "AlterOwnerStmt": "alter owner",
    "SecLabelStmt": "security label",
    "CreateFunctionStmt": "create function",
    "AlterFunctionStmt": "alter function",
    "CreateCastStmt": "create cast",
    "CreateTransformStmt": "create transform",
    "CreateOpClassStmt": "create operator class",
    "AlterOperatorStmt": "alter operator",
    "DefineStmt": "create",
    "GrantStmt": "grant", "GrantRoleStmt": "grant role", "AlterDefaultPrivilegesStmt": "alter default privileges",
    "CreateRoleStmt": "create role", "AlterRoleStmt": "alter role", "AlterRoleSetStmt": "alter role set", "CreatedbStmt": "create database",
    "AlterDatabaseStmt": "alter database", "AlterDatabaseSetStmt": "alter database set", "AlterDatabaseRefreshCollStmt": "alter database",
    "AlterSystemStmt": "alter system", "CreateTableSpaceStmt": "create tablespace", "AlterTableSpaceOptionsStmt": "alter tablespace",
    "AlterTableMoveAllStmt": "alter table all", "CreateExtensionStmt": "create extension", "AlterExtensionStmt": "alter extension",
    "AlterExtensionContentsStmt": "alter extension", "CreateFdwStmt": "create foreign data wrapper", "AlterFdwStmt": "alter foreign data wrapper",
    "CreateForeignServerStmt": "create server", "AlterForeignServerStmt": "alter server", "CreateUserMappingStmt": "create user mapping",
    "AlterUserMappingStmt": "alter user mapping", "DropUserMappingStmt": "drop user mapping", "ImportForeignSchemaStmt": "import foreign schema",
    "CreatePublicationStmt": "create publication", "AlterPublicationStmt": "alter publication", "CreateSubscriptionStmt": "create subscription",
    "AlterSubscriptionStmt": "alter subscription", "CreateEventTrigStmt": "create event trigger", "AlterEventTrigStmt": "alter event trigger",
    "CreatePLangStmt": "create language", "CreateAmStmt": "create access method", "LoadStmt": "load", "CheckPointStmt": "checkpoint",
    "ReassignOwnedStmt": "reassign owned", "ReindexStmt": "reindex", "ClusterStmt": "cluster", "ReplicaIdentityStmt": "replica identity",
}  # fmt: skip

DESTROY: dict[str, str] = {
    "DropStmt": "drop", "DropdbStmt": "drop database", "DropRoleStmt": "drop role", "DropOwnedStmt": "drop owned",
    "DropTableSpaceStmt": "drop tablespace", "DropSubscriptionStmt": "drop subscription",
}  # fmt: skip

OPAQUE: dict[str, str] = {"DoStmt": "do", "CallStmt": "call"}

DROPS = {
    "OBJECT_TABLE": "drop table", "OBJECT_VIEW": "drop view", "OBJECT_MATVIEW": "drop materialized view", "OBJECT_INDEX": "drop index",
    "OBJECT_SCHEMA": "drop schema", "OBJECT_SEQUENCE": "drop sequence", "OBJECT_FUNCTION": "drop function", "OBJECT_TYPE": "drop type",
    "OBJECT_FOREIGN_TABLE": "drop foreign table",
}  # fmt: skip
RELATIONS = frozenset({"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE"})

INHERITANCE = frozenset({"AT_AddInherit", "AT_DropInherit", "AT_AttachPartition", "AT_DetachPartition"})
"""Parts of ALTER TABLE that change what reading another table reads."""

GUARDS = (
    "AT_ChangeOwner",
    "AT_EnableTrig",
    "AT_DisableTrig",
    "AT_EnableReplicaTrig",
    "AT_EnableAlwaysTrig",
    "AT_EnableRule",
    "AT_DisableRule",
    "AT_EnableAlwaysRule",
    "AT_EnableReplicaRule",
    "AT_EnableRowSecurity",
    "AT_DisableRowSecurity",
    "AT_ForceRowSecurity",
    "AT_NoForceRowSecurity",
    "AT_ReplicaIdentity",
    "AT_SetTableSpace",
)
"""Parts of ALTER TABLE that turn a table's guards on or off, or hand it to somebody."""
