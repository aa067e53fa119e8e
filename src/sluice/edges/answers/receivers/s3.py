"""A bucket of an S3-compatible store: `s3://bucket/prefix`.

Where it is and who asks come from the environment, as for other tools: `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and
`AWS_SECRET_ACCESS_KEY`, or the roles that AWS gives containers and machines; `AWS_ALLOW_HTTP=true` for one without TLS. An
object's name says where its batch begins in the log, so a batch that is sent again takes its own place.
"""

from __future__ import annotations

import gzip
import os
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from sluice.edges.answers.receivers.receiver import SECONDS, Batch, ShipFailed, library


class S3:
    """A batch is there when the store answered that it has the object: lines of JSON, compressed by gzip."""

    most: ClassVar[tuple[int, int]] = (50_000, 16 << 20)

    def __init__(self, target: str, settings: Path | None) -> None:  # noqa: ARG002
        parts = urlsplit(target)
        if not parts.netloc or parts.query or "@" in parts.netloc:
            raise ShipFailed(f"`{target}` is not `s3://bucket/prefix`")
        library("obstore", "s3")
        self._target = target
        self._errors = library("obstore.exceptions", "s3").BaseError
        try:
            self._store = library("obstore.store", "s3").S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                # The other options of the environment do not count once there are some here.
                client_options={
                    "timeout": timedelta(seconds=SECONDS),
                    "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
                },
                retry_config={
                    "max_retries": 3,
                    "retry_timeout": timedelta(seconds=SECONDS),
                    "backoff": {
                        "base": 2,
                        "init_backoff": timedelta(milliseconds=100),
                        "max_backoff": timedelta(seconds=5),
                    },
                },
            )
        except self._errors as error:
            raise ShipFailed(f"`{target}` cannot be reached: {_first(error)}") from error

    def send(self, batch: Batch) -> None:
        """Puts one object."""
        name = f"{batch.day}/{batch.place}.jsonl.gz"
        try:
            self._store.put(
                name,
                # Without the time of packing, so that the same events are the same bytes.
                gzip.compress(batch.lines, 6, mtime=0),
                attributes={"Content-Type": "application/gzip"},
                use_multipart=False,
            )
        except self._errors as error:
            raise ShipFailed(f"`{self._target}` did not take the events: {_first(error)}") from error

    def close(self) -> None:
        """The store's connections end with it."""


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]
