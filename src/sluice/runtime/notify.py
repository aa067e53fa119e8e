"""What systemd is told, where it asks to be (`Type=notify`). Source: https://www.freedesktop.org/software/systemd/man/sd_notify.html"""

from __future__ import annotations

import os
import socket
import time

import structlog


class Notify:
    """The socket named by NOTIFY_SOCKET; without one, nobody is told anything."""

    def __init__(self) -> None:
        self._path = os.environ.get("NOTIFY_SOCKET", "")
        micros = os.environ.get("WATCHDOG_USEC", "")
        self.watchdog = int(micros) / 1_000_000 if micros.isdigit() else 0.0
        """Seconds within which it must hear of us; 0: it does not mind."""
        self._heard = 0.0

    def ready(self, status: str) -> None:
        """It serves; after a reload too."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """It reads its files again."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends."""
        self._say("STOPPING=1\nSTATUS=finishing what runs")

    def alive(self) -> None:
        """It is well; said often enough that half of the time allowed never passes."""
        now = time.monotonic()
        if self.watchdog and now - self._heard >= self.watchdog / 4:
            self._heard = now
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._path:
            return
        address = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
                told.connect(address)
                told.send(text.encode())
        except OSError as error:
            structlog.get_logger("sluice").warning("systemd could not be told", reason=str(error))
