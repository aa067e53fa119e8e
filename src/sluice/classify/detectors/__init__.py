"""All detectors, in the order in which they win where two are equally sure of the same value."""

from __future__ import annotations

from sluice.classify.detector import Detector
from sluice.classify.detectors.credentials import CREDENTIALS
from sluice.classify.detectors.health import HEALTH
from sluice.classify.detectors.national import NATIONAL
from sluice.classify.detectors.network import NETWORK
from sluice.classify.detectors.payment import PAYMENT
from sluice.classify.detectors.personal import PERSONAL

__all__ = ["DETECTORS", "Detector"]

DETECTORS: tuple[Detector, ...] = (*CREDENTIALS, *PAYMENT, *PERSONAL, *NATIONAL, *HEALTH, *NETWORK)
