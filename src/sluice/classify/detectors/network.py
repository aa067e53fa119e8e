"""What identifies a machine, and with it mostly somebody."""

from __future__ import annotations

from sluice.classify.detector import COUNTED, Detector

NETWORK: tuple[Detector, ...] = (
    Detector(
        kind="ipv4", label="pii.ip_address", shown="ip", check="ipv4", alone=78, told=95, bound="token",
        pattern=r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", context=("ip", "ipaddress", "ipv4", "client", "remote", "host", "address", "addr", "login", "from"),
        against=("version", "release", "build", "v", "section", "firmware", "sdk", "driver", "chapter", "oid"),
        examples=("203.0.113.7", "from 198.51.100.23 port 22", "ip=192.0.2.1:8080"),
        counterexamples=("version 1.2.3.4", "999.1.2.3", "1.2.3.4.5", "127.0.0.1"),
    ),
    Detector(
        kind="ipv6", label="pii.ip_address", shown="ip", check="ipv6", alone=90, told=96, needs=":",
        pattern=r"(?:[0-9a-fA-F]{1,4}:){1,7}(?::?[0-9a-fA-F]{1,4}){0,7}",
        examples=("2001:db8::8a2e:370:7334", "addr 2001:0db8:85a3:0000:0000:8a2e:0370:7334"), counterexamples=("12:30:45", "a::b:c:zz", "10:20"),
    ),
    Detector(
        kind="mac_address", label="pii.device", shown="device", check="mac", alone=88, told=95,
        pattern=r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}|[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5}|[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}",
        context=("mac", "ethernet", "wifi", "bssid"), against=("hash", "fingerprint", "sha"),
        examples=("00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7"),
        counterexamples=("00:00:00:00:00:00", "00:1b:44:11:3a", "00:1b:44:11:3a:b7:ff:00"),
    ),
    Detector(
        kind="imei", label="pii.device", shown="device", check="imei", alone=35, bare=20, told=92, against=COUNTED,
        pattern=r"[0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{6}[ -]?[0-9]", context=("imei", "handset", "device", "meid"),
        examples=("IMEI 490154203237518", "imei: 49-015420-323751-8"), counterexamples=("490154203237518", "imei 490154203237517"),
    ),
    Detector(
        kind="advertising_id", label="pii.device", shown="device", alone=0, told=85,
        pattern=r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", needs="0",
        context=("idfa", "gaid", "adid", "aaid", "idfv", "advertising", "advertisingid"),
        examples=("idfa: 6D92078A-8246-4BA4-AE5B-76104861E7DC",), counterexamples=("6D92078A-8246-4BA4-AE5B-76104861E7DC",),
    ),
)  # fmt: skip
