"""Presidio's default recognizers without a language model, as a peer. Optional: `pip install presidio-analyzer`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

LABELS = {
    "EMAIL_ADDRESS": "pii.email", "PHONE_NUMBER": "pii.phone", "PERSON": "pii.name", "LOCATION": "pii.address", "IP_ADDRESS": "pii.ip_address",
    "MAC_ADDRESS": "pii.device", "CREDIT_CARD": "pci.pan", "IBAN_CODE": "pci.iban", "US_PASSPORT": "pii.passport", "CRYPTO": "pci.wallet",
    "US_BANK_NUMBER": "pci.account", "US_DRIVER_LICENSE": "pii.driving_licence", "UK_NHS": "phi.insurance", "MEDICAL_LICENSE": "phi.provider",
}  # fmt: skip
_IGNORED = {"DATE_TIME", "URL", "NRP"}
_SURE = 0.4


def analyzer() -> Callable[[str], set[str]] | None:
    """What finds labels in a text; None when Presidio is not installed."""
    try:
        presidio: Any = importlib.import_module("presidio_analyzer")
        nlp: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    except ImportError:
        return None

    class NoModel(nlp.NlpEngine):  # type: ignore[misc, name-defined]
        """Words by white space; nothing is known about them."""

        def load(self) -> None: ...
        def is_loaded(self) -> bool:
            return True

        def process_text(self, text: str, language: str) -> Any:
            words = text.split()
            return nlp.NlpArtifacts(
                [], words, [text.find(word) for word in words], [word.lower() for word in words], self, language
            )

        def process_batch(self, texts: Any, language: str, **_: Any) -> Any:
            return ((text, self.process_text(text, language)) for text in texts)

        def is_stopword(self, word: str, language: str) -> bool:
            return False

        def is_punct(self, word: str, language: str) -> bool:
            return False

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return ["en"]

    engine = presidio.AnalyzerEngine(nlp_engine=NoModel(), supported_languages=["en"])

    def find(text: str) -> set[str]:
        kinds = {one.entity_type for one in engine.analyze(text, language="en", score_threshold=_SURE)} - _IGNORED
        return {LABELS.get(kind, "pii.national_id") for kind in kinds}

    return find
