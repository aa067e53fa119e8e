from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.edges.config import Config, ConfigError, changed, fail_open, load, policy_files
from sluice.edges.secrets import CommandSecret, EnvironmentSecret, FileSecret

LEAST = """\
sources:
  shop:
    host: 127.0.0.1
    environment: production
    user: sluice
masking:
  key: {file: masking.key}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "sluice.yaml"
        path.write_text(text)
        return path

    return written


def errors(path: Path, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environment)
    return [str(error).removeprefix(f"{path}") for error in caught.value.every()]


def test_the_least_configuration_gets_safe_defaults(write: Write, tmp_path: Path) -> None:
    config = load(write(LEAST), {})
    assert config.admin.address == "127.0.0.1"
    assert [(listener.address, listener.port) for listener in config.listeners] == [("127.0.0.1", 7432)]
    assert config.limits.statement_bytes == config.limits.window_bytes == 1 << 20
    assert config.sources["shop"].tls_mode == "disable"
    assert config.labels == tmp_path / "labels.yaml"
    assert config.policies == (tmp_path / "policies",)
    assert config.audit.path == tmp_path / "audit"
    assert config.masking.key == FileSecret(tmp_path / "masking.key")
    assert fail_open(config) == ()


def test_a_database_elsewhere_is_verified_in_full_unless_told_otherwise(write: Write) -> None:
    source = load(write(LEAST.replace("127.0.0.1", "db.example.com")), {}).sources["shop"]
    assert source.tls_mode == "verify-full"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_in_every_spelling_is_local(write: Write, host: str) -> None:
    assert load(write(LEAST.replace("127.0.0.1", f'"{host}"')), {}).sources["shop"].local


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("limts: {}", ":8: unknown key `limts`; did you mean `limits`"),
        ("zzz: {}", ":8: unknown key `zzz`; expected one of `listeners`, `admin`, `sources`"),
        ("limits: {connections: many}", ":8: `limits.connections` is not valid; expected a whole number from 1 to"),
        ("limits: {connections: 0}", ":8: `limits.connections` is not valid; expected a whole number from 1 to"),
        ("limits:\n  window_bytes: 1 MB", ":9: `limits.window_bytes` is not valid; expected a size"),
        ("limits: {login_seconds: .nan}", ":8: `limits.login_seconds` is not valid"),
        ("limits: {login_seconds: -1}", ":8: `limits.login_seconds` is not valid"),
        ("listeners: []", ":8: `listeners` is empty; expected at least 1"),
        ("listeners: {port: 1}", ":8: `listeners` is not a list"),
        ("listeners:\n  - port: 70000", ":9: `listeners.0.port` is not valid; expected a whole number from 1 to 65535"),
        ("listeners:\n  - address: 0.0.0.0", ":9: clients could reach it without TLS from other machines; expected"),
        ("listeners: [{port: 7433}]", ":8: its address and port are those of the admin port"),
        ("admin: 5", ":8: `admin` is not a mapping; expected one of `address`, `port`"),
        ("admin:\n  port:", ":9: `admin.port` has no value; expected a whole number from 1 to 65535"),
        ("labels: ~nobody-has-this-name/x", ":8: `labels` begins with the home of nobody; expected a path"),
        ("labels: http://a/b", ":8: `labels` is a URL; expected the path of a file"),
        ("users: {a: {kind: robot}}", ":8: `users.a.kind` is not valid; expected one of `user`, `service`, `agent`"),
        ("users:\n  a: {}\n  a: {}", ":10: `a` is given twice"),
        ("users: {a: {scram: hunter2-plain}}", ":8: `users.a.scram` is not a SCRAM-SHA-256 verifier"),
        ("users: {a: {purposes: [x], default_purpose: y}}", ":8: `a` may not state its own default purpose"),
        ("users: {a: {certificates: [a]}}", ":8: no listener accepts client certificates"),
        ("tokens: [{issuer: i, audience: a}]", ":8: its signing keys have to come from one place"),
        ("tokens: [{issuer: i, audience: a, jwks: k, algorithms: [none]}]", ":8: `tokens.0.algorithms.0` is not valid"),
        (
            "tokens: [{issuer: i, audience: a, jwks: k, algorithms: [HS256]}]",
            ":8: `tokens.0.algorithms.0` is not valid",
        ),
        ("audit: !!python/name:os.system x", ":8: has a YAML tag"),
        ("audit: {path: ${NOWHERE}}", ":8: is not YAML"),
        ('audit: {path: "${NOWHERE}"}', ":8: the environment variable `NOWHERE` is not set"),
        ("store: {url: mysql://a/b}", ":8: is not the url of a PostgreSQL database"),
        ("store: {url: 'postgresql://a:b@h/d'}", ":8: holds a password; expected it as `password`"),
        ("store: {url: 'postgresql://a@h/d?password=b'}", ":8: holds a password; expected it as `password`"),
        ("store: {url: 'postgresql://a@h/d', path: x}", ":8: control state has to be kept in one place"),
        ("store: {password: {file: x}}", ":8: a file has no password; expected a `url` with it"),
        ("---\nsources: {}", ":8: is not YAML"),
        ("? [a]\n: b", ":8: a key is not plain text"),
        ("<<: {a: b}", ":8: unknown key `<<`"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_was_expected(write: Write, added: str, expected: str) -> None:
    found = errors(write(LEAST + added + "\n"))
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("socket: /run/pg", "`shop` has to be reached one way"),
        ("tls: {mode: require, cert: a.pem}", "a client certificate needs its key"),
        ("tls: {mode: disable, ca: a.pem}", "certificates are given but TLS is not used"),
        ("tls: {mode: require, ca: a.pem}", "`require` does not check certificates"),
        ("tls: {mode: prefer}", "`sources.shop.tls.mode` is not valid; expected one of `verify-full`"),
        ("plain_functions: [now]", "is not a function's full name; expected `schema.name`"),
        ("engine: oracle", "`sources.shop.engine` is not valid; expected one of `postgres`"),
        ("durability: maybe", "expected one of `buffered`, `flushed`, `synced`"),
        ("password: hunter2", "`sources.shop.password` is written out; secrets are referred to"),
        ("password: {file: a, command: [b]}", "`sources.shop.password` is not a reference to a secret"),
        ("password: {command: cat x}", "`sources.shop.password` is not a reference to a secret"),
        ("password: ''", "`sources.shop.password` is written out"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused_at_its_line(write: Write, given: str, expected: str) -> None:
    (found,) = errors(write(LEAST.replace("    user:", f"    {given}\n    user:")))
    assert found.startswith((":5: ", ":2: "))
    assert expected in found


def test_all_errors_are_found_in_one_go_in_the_order_of_their_lines(write: Write) -> None:
    found = errors(write("listenrs: []\nsources:\n  shop:\n    hots: a\n    port: x\n"))
    lines = [int(error.split(":")[1]) for error in found]
    assert lines == sorted(lines)
    assert len(found) == 6


@pytest.mark.parametrize("text", ["", "null\n", "# nothing\n"])
def test_an_empty_file_names_what_is_missing(write: Write, text: str) -> None:
    found = errors(write(text))
    assert any("`sources` is missing" in error for error in found)
    assert any("`masking` is missing" in error for error in found)


@pytest.mark.parametrize("text", ["- a\n", "text\n", "[" * 100_000, "a: \x07\n", "a: &a {b: *a}\n", "a: 'x\n"])
def test_hostile_or_senseless_text_is_an_error_and_no_crash(write: Write, text: str) -> None:
    assert errors(write(text))


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sluice.yaml"
    path.write_bytes(b"a: \xff\n")
    assert errors(path) == [": is not UTF-8 text"]


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    (found,) = errors(tmp_path / "none.yaml")
    assert "write one with `sluice init`" in found


def test_environment_variables_stand_in_for_any_plain_value(write: Write) -> None:
    text = LEAST.replace("127.0.0.1", "${HOST}\n    port: ${PORT}")
    source = load(write(text), {"HOST": "10.0.0.9", "PORT": "6000"}).sources["shop"]
    assert (source.host, source.port) == ("10.0.0.9", 6000)


def test_a_secret_is_kept_as_the_place_where_it_is(write: Write, tmp_path: Path) -> None:
    def password(given: str) -> object:
        text = LEAST.replace("    user:", f"    password: {given}\n    user:")
        return load(write(text), {}).sources["shop"].password

    assert password("${PGPASSWORD}") == EnvironmentSecret("PGPASSWORD")
    assert password("{file: ../secret}") == FileSecret(tmp_path / "../secret")
    assert password("{command: [pass, show, shop]}") == CommandSecret(("pass", "show", "shop"), tmp_path)


def test_no_error_repeats_a_value_that_could_be_a_secret(write: Write) -> None:
    secret = "canary-9f31"
    places = [
        LEAST.replace("    user:", f"    password: {secret}\n    user:"),
        LEAST.replace("    user:", f"    port: {secret}\n    user:"),
        LEAST.replace("    user:", f"    password: {{file: a, {secret}: b}}\n    user:"),
        LEAST.replace("    user:", f"    tls: {secret}\n    user:"),
        LEAST.replace("    user:", f"    password: *{secret}\n    user:"),
        LEAST.replace("    user:", f"    password: '{secret}\n    user:"),
        LEAST + f"users: {{a: {{scram: {secret}}}}}\n",
    ]
    for text in places:
        assert secret not in "\n".join(errors(write(text)))


def test_words_that_yaml_takes_for_something_else_stay_text(write: Write) -> None:
    config = load(write(LEAST.replace("production", "no").replace("user: sluice", "user: 1234")), {})
    assert (config.sources["shop"].environment, config.sources["shop"].user) == ("no", "1234")


def test_sizes_may_have_a_unit(write: Write) -> None:
    limits = load(write(LEAST + "limits: {window_bytes: 64 KiB, frame_bytes: 2097152}\n"), {}).limits
    assert (limits.window_bytes, limits.frame_bytes) == (65_536, 2_097_152)


def test_users_of_the_second_file_join_those_of_the_first(write: Write, tmp_path: Path) -> None:
    path = write(LEAST + "users: {ann: {}}\nusers_file: users.yaml\n")
    (tmp_path / "users.yaml").write_text("users:\n  bob: {kind: service}\n")
    assert sorted(load(path, {}).users) == ["ann", "bob"]
    (tmp_path / "users.yaml").write_text("users:\n  ann: {}\n")
    assert "`ann` is also in" in errors(path)[0]
    (tmp_path / "users.yaml").write_text("users:\n  bob: {kid: service}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert caught.value.file == str(tmp_path / "users.yaml")
    assert caught.value.line == 2


def test_a_list_with_all_its_entries_gone_is_empty_and_not_left_out(write: Write) -> None:
    users = load(write(LEAST + "users:\n  a:\n    purposes:\n  b: {purposes: null}\n  c:\ntokens:\n"), {}).users
    assert (users["a"].purposes, users["b"].purposes, users["c"].purposes) == ((), None, None)
    assert "`listeners.0.tls.cert`" not in errors(write(LEAST + "listeners:\n  - tls:\n"))[0]
    assert "`cert` is missing in `listeners.0.tls`" in errors(write(LEAST + "listeners:\n  - tls:\n"))[0]
    assert "`sources` is empty" in errors(write("sources:\nmasking: {key: {file: k}}\n"))[0]


def test_rules_hold_across_both_files_of_users(write: Write, tmp_path: Path) -> None:
    listeners = "listeners: [{tls: {cert: c, key: k, client_ca: a}}]\n"
    path = write(LEAST + listeners + "users: {ann: {certificates: [x]}}\nusers_file: users.yaml\n")
    (tmp_path / "users.yaml").write_text("users:\n  bob: {certificates: [x]}\n")
    assert "this certificate already proves `ann`" in errors(path)[0]
    path.write_text(LEAST + "users_file: users.yaml\n")
    assert "no listener accepts client certificates" in errors(path)[0]


def test_a_certificate_proves_one_user_only(write: Write) -> None:
    listeners = "listeners: [{tls: {cert: c, key: k, client_ca: a}}]\n"
    found = errors(write(LEAST + listeners + "users:\n  a: {certificates: [x]}\n  b: {certificates: [x]}\n"))
    assert found == [":11: this certificate already proves `a`; expected each certificate at one user"]


def test_only_what_is_bound_to_a_socket_or_the_open_log_needs_a_restart(write: Write) -> None:
    old = load(write(LEAST), {})
    new = load(
        write(
            LEAST.replace("production", "staging")
            + "listeners: [{port: 9}]\nlimits: {connections: 5}\naudit: {path: b}\n"
        ),
        {},
    )
    assert not changed(old, old)
    assert changed(old, new).live == ("limits", "sources")
    assert changed(old, new).restart == ("audit", "listeners")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        (LEAST + "listeners: [{address: 0.0.0.0, allow_cleartext: true}]\n", "listeners.0.allow_cleartext"),
        (LEAST + "admin: {address: 0.0.0.0}\n", "admin.address"),
        (LEAST.replace("127.0.0.1", "db.example.com\n    tls: {mode: require}"), "sources.shop.tls.mode"),
        (LEAST.replace("127.0.0.1", "db.example.com\n    tls: {mode: disable}"), "sources.shop.tls.mode"),
        (LEAST.replace("127.0.0.1", "db.example.com\n    tls: {mode: verify-ca}"), "sources.shop.tls.mode"),
        (LEAST.replace("127.0.0.1", "127.0.0.1\n    durability: buffered"), "sources.shop.durability"),
        (LEAST.replace("127.0.0.1", "127.0.0.1\n    plain_functions: [a.b]"), "sources.shop.plain_functions"),
        (LEAST + "tokens: [{issuer: i, audience: a, jwks: k, leeway: 300}]\n", "tokens.0.leeway"),
    ],
)
def test_every_fail_open_setting_is_on_the_list(write: Write, text: str, setting: str) -> None:
    assert [each.setting for each in fail_open(load(write(text), {}))] == [setting]


def test_policies_may_be_files_folders_or_patterns(write: Write, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "b.cedar").write_text("// b")
    (tmp_path / "policies" / "a.cedar").write_text("// a")
    (tmp_path / "policies" / "note.txt").write_text("no policy")

    def names(extra: str) -> list[str]:
        return [Path(path).name for path in policy_files(load(write(LEAST + extra), {}))]

    assert names("") == ["a.cedar", "b.cedar"]
    assert names("policies: [policies/b.cedar]\n") == ["b.cedar"]
    assert names("policies: ['*/a.*']\n") == ["a.cedar"]


def test_a_policy_pattern_that_names_nothing_is_an_error(write: Write) -> None:
    config: Config = load(write(LEAST + "policies: [nowhere/*.cedar]\n"), {})
    with pytest.raises(ConfigError, match="names no policy file"):
        policy_files(config)
    with pytest.raises(ConfigError, match="cannot be read"):
        policy_files(load(write(LEAST), {}))
