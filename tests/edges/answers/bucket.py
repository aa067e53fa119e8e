"""A real S3-compatible store for tests: SeaweedFS, which comes as a wheel."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import S3Store

from .broker import free_ports

_SECONDS = 60.0
_IDENTITY = {"accessKey": "sluice-test", "secretKey": "not-a-secret-of-anybody"}


class Store:
    """The store as a process. `environment`: by which its clients reach it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ports = free_ports(8)
        who = {"name": "tests", "credentials": [_IDENTITY], "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
        (folder / "data").mkdir()
        parts = ("master", "volume", "filer", "s3")
        numbers = [f"-{part}.port{kind}={ports.pop()}" for part in parts for kind in ("", ".grpc")]
        self._port = int(next(one for one in numbers if one.startswith("-s3.port=")).partition("=")[2])
        self._command = [
            str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            *numbers, "-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}",
            "-master.volumeSizeLimitMB=64", "-volume.max=100", "-master.telemetry.url=",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": _IDENTITY["accessKey"],
            "AWS_SECRET_ACCESS_KEY": _IDENTITY["secretKey"],
        }

    def __enter__(self) -> Store:
        with (self._folder / "store.log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self._bucket("ready").put("yes", b"yes")
                return self
            except BaseError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError((self._folder / "store.log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def objects(self, bucket: str) -> dict[str, bytes]:
        """The objects of a bucket by name, unpacked."""
        held = self._bucket(bucket)
        names = sorted(one["path"] for found in held.list() for one in found)
        return {name: gzip.decompress(bytes(held.get(name).bytes())) for name in names}

    def _bucket(self, name: str) -> S3Store:
        return S3Store(
            name,
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            access_key_id=_IDENTITY["accessKey"],
            secret_access_key=_IDENTITY["secretKey"],
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
