"""pgx, the driver of Go, through the gateway."""

from __future__ import annotations

from foreign import HERE, installed, needs, said

PGX = HERE / "pgx"


def test_an_application_on_pgx_works_and_sees_masks(gateway) -> None:
    needs("go")
    installed(PGX, PGX / "go.sum", "go", "build", "-o", "build/client", ".")
    dsn = f"postgres://app:{gateway.password.replace(' ', '%20')}@127.0.0.1:{gateway.gateway.port}/shop?sslmode=disable"
    assert said(PGX, "build/client", dsn) == [
        *["2 p***@example.com [t2 all] <nil>"] * 10,
        "true <nil>",
        "*******1001 <nil>",
        "*******1002 <nil>",
        "<nil>",
        "<nil>",
        "2 <nil>",
        "<nil>",
    ]
