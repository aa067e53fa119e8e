"""The texts that `sluice init` writes."""

from __future__ import annotations

import re

CONFIG = """\
# The configuration of Sluice. Unknown keys are errors; `sluice check` reads it all and says what is wrong.
# Relative paths begin at this file's folder. `${{NAME}}` stands for an environment variable.
# Secrets are never written here, only where they are: ${{NAME}}, {{file: path}} or {{command: [program, argument]}}.

# Where clients connect. Other machines can reach it once `address` is theirs to reach and `tls` is there.
listeners:
  - address: 127.0.0.1
    port: 7432
    # tls:
    #   cert: tls/server.crt
    #   key: tls/server.key
    #   client_ca: tls/clients.crt     # lets users log in by certificate

# Health and metrics, without a login: keep it on loopback.
admin:
  address: 127.0.0.1
  port: 7433

# The governed databases. A client names one as its database.
sources:
{source}
# Who may log in. `sluice users add NAME` keeps this file.
users_file: users.yaml

# Whose tokens (JWT) are accepted as passwords.
# tokens:
#   - issuer: https://login.example.com
#     audience: sluice
#     jwks: tls/jwks.json
#     groups_claim: groups
#     purpose_claim: purpose

# Which columns hold what and how it is hidden, and who may do what. Both are read again as soon as they change.
labels: labels.yaml
policies: [policies]

# The log of who asked what and what they saw. A statement that cannot be logged does not run.
audit:
  path: audit
  fsync_ms: 200

# The key of the masks `hash` and `pseudonym`: with another key the same values get other masks.
masking:
  key: {{file: masking.key}}

# Bounds on what one client can cost; these are the defaults.
# limits:
#   statement_bytes: 1 MiB
#   frame_bytes: 64 MiB
#   window_bytes: 1 MiB
#   row_bytes: 64 MiB
#   login_seconds: 10
#   connections: 1000
#   auth_failures_per_minute_per_address: 60
#   auth_failures_per_minute_per_user: 20
"""

SOURCE_PLACEHOLDER = """\
  shop:                              # change this: the name that clients connect to
    host: 127.0.0.1
    port: 5432
    database: shop                   # its name on the server
    environment: production          # policies refer to it
    user: sluice                     # a role of its own: no superuser, no BYPASSRLS, no REPLICATION
    password: ${SHOP_PASSWORD}
    # tls:
    #   mode: verify-full            # what holds for every host but this machine
    #   ca: tls/database-ca.crt
    # durability: synced             # force each event to the medium before its statement runs
"""

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def source_entry(
    *,
    name: str,
    host: str,
    port: str,
    database: str,
    environment: str,
    user: str,
    password: str,
    mode: str,
    ca: str,
) -> str:
    """One entry under `sources`. `password`: its line, perhaps as a comment. `mode` and `ca` empty: not written."""
    reached = [f"    socket: {_scalar(host)}"] if host.startswith("/") else [f"    host: {_scalar(host)}"]
    tls = [*([f"      mode: {mode}"] if mode else []), *([f"      ca: {_scalar(ca)}"] if ca else [])]
    tls = [] if host.startswith("/") or not tls else ["    tls:", *tls]
    lines = [
        f"  {_scalar(name)}:",
        *reached,
        f"    port: {port}",
        f"    database: {_scalar(database)}",
        f"    environment: {_scalar(environment)}          # policies refer to it",
        f"    user: {_scalar(user)}          # a role of its own: no superuser, no BYPASSRLS, no REPLICATION",
        f"    {password}",
        *tls,
        "    # durability: synced             # force each event to the medium before its statement runs",
    ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    return text if _BARE.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
