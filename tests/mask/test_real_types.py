"""Every type of a real server under every mask: what comes out is NULL or a value that the server takes back as that type.

The types are walked in pg_type, so a server that has more of them than are known here makes these tests fail.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import pq

from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

METHODS = {
    "null": "{mask: null}",
    "redact": "redact",
    "hash": "hash",
    "pseudonym": "pseudonym",
    "generalize": "generalize",
    "email": "email",
    "partial": "partial",
    "scrub": "scrub",
}
EXACT = ("null", "redact", "hash", "pseudonym", "email", "partial")
"""Masks that leave no value as it is; a bucket may be its own start, and a free text may hold nothing sensitive."""

OPTIONS = [
    "(format text)",
    "(format text, delimiter '|', null '')",
    "(format csv)",
    "(format csv, delimiter ';', quote '''', escape E'\\\\', null 'nil', force_quote *)",
    "(format binary)",
]

WITHOUT_INPUT = {
    "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary",
    "gtsvector",
}  # fmt: skip
"""Types of which nobody can write a value."""

WITHOUT_BINARY = {"aclitem"}

SAMPLES: dict[str, list[str]] = {
    "bool": ["t", "f"],
    "bytea": ["\\x00ff10", "\\x", "\\x41"],
    "char": ["a", "\\303", "-", ""],
    "name": ["a_name", "é" * 20, "x@" + "a" * 55 + ".com"],
    "int2": ["0", "-1", "42", "-32768", "32767"],
    "int4": ["0", "-1", "123456", "-2147483648", "2147483647"],
    "int8": ["0", "-1", "99", "-9223372036854775808", "9223372036854775807"],
    "oid": ["0", "4294967295", "17"],
    "text": ["ann@example.com", 'a "quoted", {b} \\ text', "tab\tand\nline", "4242 4242 4242 4242", "é", "", "null", "--"],
    "varchar": ["Ann Example", "", "x", "+1 555 0100"],
    "bpchar": ["ann@example.com   ", "x", "", "123-45-6789"],
    "json": ['{"a": ["ann@example.com", 4242424242424242, null]}', '"x"', "1"],
    "jsonb": ['{"a": "ann@example.com"}', "[1, 2]", "null"],
    "xml": ["<a>ann@example.com</a>", "text"],
    "uuid": ["01234567-89ab-cdef-0123-456789abcdef", "00000000-0000-0000-0000-000000000001"],
    "float4": ["0", "-0.5", "1e38", "-3.4e38", "100000000", "NaN", "Infinity", "0.1", "16777217"],
    "float8": ["0", "-0.5", "1e300", "-1.7976931348623157e308", "NaN", "-Infinity", "1234.5678", "1e15"],
    "numeric": ["0", "-0.5", "12345678901234567890.125", "1.50", "NaN", "Infinity", "-99999", "0.00001"],
    "date": ["2026-07-15", "0044-03-15 BC", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "0001-01-01", "2024-02-29"],
    "timestamp": ["2026-07-15 10:11:12.5", "0044-03-15 01:02:03 BC", "294276-12-31 23:59:59.999999", "infinity", "4713-01-01 00:00 BC"],
    "timestamptz": ["2026-07-15 10:11:12.5+02", "0044-03-15 01:02:03+00 BC", "294276-12-31 00:00+00", "-infinity", "4713-01-01 00:00+00 BC"],
    "time": ["10:11:12.5"], "timetz": ["10:11:12+02"], "interval": ["1 year 2 mons -3 days"], "money": ["12.50"],
    "inet": ["192.0.2.7/24"], "cidr": ["192.0.2.0/24"], "macaddr": ["08:00:2b:01:02:03"], "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit": ["1"], "varbit": ["10101"], "point": ["(1,2)"], "lseg": ["[(1,2),(3,4)]"], "path": ["((1,2),(3,4))"],
    "box": ["(3,4),(1,2)"], "polygon": ["((1,2),(3,4))"], "line": ["{1,2,3}"], "circle": ["<(1,2),3>"],
    "tid": ["(1,2)"], "xid": ["7"], "cid": ["7"], "xid8": ["7"], "aclitem": ["postgres=r/postgres"], "refcursor": ["a cursor"],
    "regproc": ["now"], "regprocedure": ["now()"], "regoper": ["!!"], "regoperator": ["+(integer,integer)"], "regclass": ["pg_class"],
    "regtype": ["integer"], "regconfig": ["simple"], "regdictionary": ["simple"], "regnamespace": ["public"], "regrole": ["postgres"],
    "regcollation": ['"C"'], "txid_snapshot": ["10:20:10,14"], "pg_snapshot": ["10:20:10,14"], "pg_lsn": ["16/B374D848"],
    "tsvector": ["'ann':1 'example':2"], "tsquery": ["'ann' & 'example'"], "jsonpath": ['$."a"'],
    "int4range": ["[1,5)"], "int8range": ["[1,5)"], "numrange": ["[1.5,2]"], "daterange": ["[2026-01-01,2026-02-01)"],
    "tsrange": ["empty"], "tstzrange": ["empty"], "int4multirange": ["{[1,5)}"], "int8multirange": ["{}"], "nummultirange": ["{[1,2]}"],
    "datemultirange": ["{}"], "tsmultirange": ["{}"], "tstzmultirange": ["{}"],
    "mood": ["sad"], "pair": ["(1,secret)"], "span": ["[1.5,2.5)"], "spans": ["{[1.5,2.5)}"],
}  # fmt: skip

DECLARED = {
    "short": ("varchar(5)", ["abcde", "a", "x@y.z"]),
    "padded": ("char(24)", ["ann@example.com", "x", ""]),
    "single": ("char", ["x", " "]),
    "amount": ("numeric(4,2)", ["99.99", "-99.99", "0.50", "-0.01"]),
    "rounded": ("numeric(2,-3)", ["99000", "1000", "-99000"]),
    "tiny": ("numeric(2,5)", ["0.00099", "0.00001"]),
    "shorts": ("varchar(4)[]", ['{"abcd",NULL,"a b"}', "{{a,b},{c,d}}", "[0:1]={x,y}", "{}"]),
    "padded_ones": ("char(6)[]", ["{abc,NULL}"]),
    "amounts": ("numeric(4,2)[]", ["{99.99,-99.99,NULL}"]),
    "matrix": ("int2[][]", ["{{1,-32768},{NULL,32767}}"]),
    "quoted": ("text[]", ['{"a,b","c\\"d","e\\\\f","{}",NULL,"NULL"," ",""}']),
    "code": ("code", ["abc", "abcdefgh"]),
    "code_of": ("code_of", ["abc", "abcdefgh"]),
    "codes": ("code[]", ["{abc,NULL}"]),
    "tags": ("tags", ["{a,b}"]),
    "moment": ("timestamp(0)", ["2026-01-02 03:04:06"]),
}
"""Columns that declare more than a type, and domains on domains, in arrays and on them."""

TYPES = """
create type mood as enum ('sad', 'happy');
create type pair as (n int, t text);
create type span as range (subtype = float8, multirange_type_name = spans);
create domain code as varchar(8);
create domain code_of as code;
create domain tags as text[];
"""

WALK = """
select typname from pg_type t where typtype in ('b', 'e', 'c', 'r', 'm') and not (typtype = 'b' and typcategory = 'A')
and typnamespace in ('pg_catalog'::regnamespace, 'public'::regnamespace)
and (typtype <> 'c' or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')) order by 1
"""

POLICY = """
@id("reader-connects") permit (principal in Group::"readers", action == Action::"connect", resource);
@id("reader-reads") permit (principal in Group::"readers", action in Action::"read", resource);
"""


@dataclass(frozen=True)
class Stage:
    """A database of tables with all types, one for each mask, and the gateway before it."""

    server: PostgresServer
    gateway: RunningGateway
    columns: list[str]

    def listed(self, binary: bool) -> str:
        """All columns, or those with a binary form."""
        return ", ".join(["n", *(f'"{name}"' for name in self.columns if not (binary and name[-7:] in WITHOUT_BINARY))])

    def direct(self) -> psycopg.Connection:
        return psycopg.connect(self.server.dsn("types"), autocommit=True)

    def masked(self) -> psycopg.Connection:
        return psycopg.connect(self.gateway.dsn("rita", "open sesame", "types"), autocommit=True)


def _definitions(connection: psycopg.Connection) -> dict[str, tuple[str, list[str]]]:
    """Columns with their types and values: of each type, of a domain on it, of its array; then those that declare more."""
    found = [row[0] for row in connection.execute(WALK).fetchall()]
    unknown = [name for name in found if name not in SAMPLES and name not in WITHOUT_INPUT]
    assert not unknown, f"types of this server that have no sample here: {unknown}"
    columns: dict[str, tuple[str, list[str]]] = {}
    for name in found:
        if name in WITHOUT_INPUT or (name == "xml" and not _takes_xml(connection)):
            continue
        connection.execute(f'create domain "on_{name}" as "{name}"')
        columns[name] = f'"{name}"', SAMPLES[name]
        columns[f"d_{name}"] = f'"on_{name}"', SAMPLES[name]
        columns[f"a_{name}"] = f'"{name}"[]', [_array(connection, name, SAMPLES[name])]
    return columns | DECLARED


def _takes_xml(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("select '<a/>'::xml")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


def _array(connection: psycopg.Connection, name: str, samples: list[str]) -> str:
    # An inner array of every sample and NULL, twice: two dimensions.
    marks = ", ".join(["%s"] * len(samples))
    row = connection.execute(f'select array[array[{marks}, null], array[{marks}, null]]::"{name}"[]::text', samples * 2)
    found = row.fetchone()
    assert found is not None
    return str(found[0])


@pytest.fixture(scope="module")
def stage(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Tables `by_null`, `by_redact` …, each with a column for each type, and a row of NULLs."""
    postgres.psql("create role types_gateway login nosuperuser")
    postgres.psql("create database types")
    postgres.psql(TYPES, "types")
    with psycopg.connect(postgres.dsn("types"), autocommit=True) as connection:
        columns = _definitions(connection)
        declared = ", ".join(f'"{name}" {declared}' for name, (declared, _) in columns.items())
        connection.execute(f"create table kept (n int, {declared})")
        for at in range(max(len(values) for _, values in columns.values())):
            given = {f'"{name}"': values[at] for name, (_, values) in columns.items() if at < len(values)}
            marks = ", ".join(["%s"] * len(given))
            connection.execute(f"insert into kept (n, {', '.join(given)}) values ({at}, {marks})", list(given.values()))
        connection.execute("insert into kept (n) values (99)")
        for method in METHODS:
            connection.execute(f"create table by_{method} as table kept")
            connection.execute(f"create table back_{method} (like kept)")
        connection.execute("grant select on all tables in schema public to types_gateway")
    labels = "labels:\n" + "".join(f"  t.{method}: {mask}\n" for method, mask in METHODS.items())
    labels += "columns:\n  types:\n"
    labels += "".join(f"    public.by_{method}.{name}: t.{method}\n" for method in METHODS for name in columns)
    config = (
        f"sources:\n  types: {{host: 127.0.0.1, port: {postgres.port}, environment: test, user: types_gateway}}\n"
        f'users:\n  rita: {{groups: [readers], scram: "{verifier("open sesame")}"}}\n'
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {"policies/types.cedar": POLICY, "labels.yaml": labels}
    folder = tmp_path_factory.mktemp("types")
    # Under some keys the hash of a short value is that value; this is none of them.
    (folder / "masking.key").write_bytes(b"a key for the tests of real types")
    (folder / "masking.key").chmod(0o600)
    with RunningGateway(folder, config, files=files) as gateway:
        yield Stage(postgres, gateway, list(columns))


Cells = list[list[bytes | None]]


def _cells(connection: psycopg.Connection, table: str, binary: bool, listed: str) -> tuple[Cells, list[str]]:
    """The listed columns of a table as they come on the wire, and their names."""
    sql = f"select {listed} from {table} order by n".encode()
    result = connection.pgconn.exec_params(sql, None, result_format=int(binary))
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    names = [(result.fname(at) or b"").decode() for at in range(result.nfields)]
    return [[result.get_value(row, at) for at in range(result.nfields)] for row in range(result.ntuples)], names


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("method", METHODS)
def test_what_comes_out_is_null_or_taken_back(stage: Stage, method: str, binary: bool) -> None:
    with stage.direct() as direct, stage.masked() as masked:
        was, names = _cells(direct, "kept", binary, stage.listed(binary))
        shown, described = _cells(masked, f"by_{method}", binary, stage.listed(binary))
        assert (described, len(shown)) == (names, len(was))
        direct.execute("begin")
        tried: set[tuple[str, bytes]] = set()
        for before, after in zip(was, shown, strict=True):
            assert before[0] == after[0]
            for name, old, new in list(zip(names, before, after, strict=True))[1:]:
                assert old is not None or new is None, f"{name}: NULL became {new!r}"
                if old is None or new is None or (name, new) in tried:
                    continue
                tried.add((name, new))
                empty = old.strip() in (b"", b"\\x", b"{}") or (binary and old[:4] == bytes(4))
                assert new != old or empty or method not in EXACT, f"{name}: {old!r} passed"
                _taken_back(direct, method, name, new, binary)
        assert method == "null" or tried
        assert method != "null" or not tried


def _taken_back(direct: psycopg.Connection, method: str, name: str, value: bytes, binary: bool) -> None:
    # Assigned, not cast: an assignment does not cut what is too long.
    sql = f'insert into back_{method} ("{name}") values ($1)'.encode()
    result = direct.pgconn.exec_params(sql, [value], None, [int(binary)])
    assert result.status == pq.ExecStatus.COMMAND_OK, f"{name}: {value!r}: {result.error_message.decode()}"


MASKED = {
    "redact": "bpchar bytea char json jsonb name text uuid varchar",
    "hash": "bpchar bytea char float4 float8 int2 int4 int8 json jsonb name numeric oid text uuid varchar",
    "pseudonym": "bpchar bytea char date float4 float8 int2 int4 int8 name numeric oid text timestamp timestamptz uuid varchar",
    "generalize": "bpchar char date float4 float8 int2 int4 int8 json jsonb name numeric oid text timestamp timestamptz varchar",
    "email": "bpchar char name text varchar",
    "partial": "bpchar char json jsonb name text varchar",
    "scrub": "bpchar char json jsonb name text varchar",
}


@pytest.mark.parametrize("method", MASKED)
def test_a_type_is_masked_where_it_can_be_and_null_where_not(stage: Stage, method: str) -> None:
    for binary in (False, True):
        with stage.masked() as masked:
            shown, names = _cells(masked, f"by_{method}", binary, stage.listed(binary))
        kept = {name for at, name in enumerate(names) if any(row[at] is not None for row in shown)}
        plain = {name for name in kept if name in SAMPLES} - {"xml"}
        assert plain == set(MASKED[method].split())
        # A domain is its base type, and an array the masks of its elements.
        assert {name.removeprefix("d_") for name in kept if name.startswith("d_")} - {"xml"} == plain


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_a_masked_copy_goes_back_in_and_says_what_a_select_says(stage: Stage, method: str, options: str) -> None:
    listed = stage.listed("binary" in options)
    with stage.direct() as direct, stage.masked() as masked:
        with masked.cursor().copy(f"copy by_{method} ({listed}) to stdout {options}") as out:
            data = b"".join(bytes(block) for block in out)
        into = options.replace(", force_quote *", "")
        direct.execute("begin")
        direct.execute(f"create temporary table back as select {listed} from back_{method} limit 0")
        with direct.cursor().copy(f"copy back from stdin {into}") as back:
            back.write(data)
        copied, names = _cells(direct, "back", False, listed)
        direct.execute("rollback")
        selected, _ = _cells(masked, f"by_{method}", False, listed)
    assert len(copied) == len(selected)
    for one, other in zip(copied, selected, strict=True):
        for name, value, wanted in zip(names, one, other, strict=True):
            if "binary" in options and name.removeprefix("d_").removeprefix("a_") == "char":
                continue  # of a byte, text and binary show different characters
            assert value is None or wanted is None or _told(name, value) == _told(name, wanted), name
            assert value is not None or wanted is None or _untold(name, wanted, options), name


def _told(name: str, value: bytes) -> object:
    """The value, whatever the way in which it is printed: quotes in arrays and exponents are the printer's own choice."""
    if name.endswith(("float4", "float8")):
        numbers = re.findall(rb"[-+.0-9e]+|NULL|NaN|-?Infinity", value)
        form = "!f" if name.endswith("4") else "!d"
        return [one if one in (b"NULL",) else struct.pack(form, float(one)) for one in numbers]
    return value.replace(b" ", b"").replace(b'"', b"")


def _untold(name: str, selected: bytes, options: str) -> bool:
    """A copy names no types, so a domain's declared length is not known there; and it may write an empty text as NULL."""
    return name in ("d_bpchar", "d_varchar", "d_numeric", "code", "code_of") or "null ''" in options


def test_the_null_marker_of_a_copy_confirms_no_guess(stage: Stage) -> None:
    guess = SAMPLES["text"][0]
    shown = set()
    for marker in (guess, "no such value"):
        with (
            stage.masked() as masked,
            masked.cursor().copy(f"copy by_redact (text) to stdout (null '{marker}')") as out,
        ):
            data = b"".join(bytes(block) for block in out)
        assert set(data.splitlines()) == {marker.encode()}
        shown.add(data.replace(marker.encode(), b""))
    assert len(shown) == 1
