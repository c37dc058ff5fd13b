"""What a check finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether a way works, for this user, as the machine is now."""

    WORKS = "works"
    LIMITED = "limited"
    NEEDS = "needs"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that is in the way."""

    what: str
    remedy: str = ""
    """The command that helps; empty if none does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How things stand with one way to the chip."""

    name: str
    who: str
    """Who reaches the chip by this way."""
    needs: tuple[Need, ...] = ()
    """All that is in the way; the way works if this is empty."""
    limits: tuple[str, ...] = ()
    """What is less than it could be on another machine."""

    @property
    def works(self) -> bool:
        return not self.needs

    @property
    def state(self) -> State:
        if self.needs:
            return State.NEEDS
        return State.LIMITED if self.limits else State.WORKS


def by_need(findings: Iterable[Finding]) -> dict[Need, list[str]]:
    """What is in the way, each once, with the names of the ways that it is in."""
    found: dict[Need, list[str]] = {}
    for finding in findings:
        for need in finding.needs:
            found.setdefault(need, []).append(finding.name)
    return found
