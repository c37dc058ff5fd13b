"""The advice that a host was given, for a test to look at."""

from collections.abc import Iterator, Mapping

from dfu_emulator.advice import Finding
from dfu_emulator.advice.report import as_text


class AdviceGiven(Mapping[str, Finding]):
    """By kinds, in the order in which they were first given; ``str`` says all in sentences.

    False where there is none, so that a test can say ``assert not stm32.advice``.
    """

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self._findings = findings

    def __getitem__(self, kind: str) -> Finding:
        return self._findings[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    def __str__(self) -> str:
        return "\n".join(as_text(list(self._findings.values()))).rstrip()

    def __repr__(self) -> str:
        """Short: pytest shows it in the line of a failing assertion, and the sentences further down."""
        return f"<advice: {', '.join(self) or 'none'}>"
