"""Watches a port and gives advice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from dfu_emulator.advice.history import Closed, Event, History
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.advice.rules import RULES
from dfu_emulator.port import Attached, GivenUp, Occurrence, Port, Transfer
from dfu_protocol.control import CLASS


@dataclass(frozen=True, slots=True)
class Advice:
    """A mistake as it happened. All sentences are in full."""

    kind: str
    title: str
    why: str
    source: str
    cure: str
    on_this_chip: tuple[str, ...]
    at: int
    """Microseconds since the adviser's start."""
    event: Event
    """The request, or what came without one."""

    def __str__(self) -> str:
        """One sentence for each of what, why and cure."""
        return f"{self.title}. {self.why}. {self.cure}. ({self.source})"


@dataclass(slots=True)
class Finding:
    """How often a kind of mistake was made, and the first of them."""

    first: Advice
    count: int = 1


Tell = Callable[[Advice], None]


def _tell_nobody(_advice: Advice) -> None:
    pass


class Adviser:
    """Watches ``port`` as a context; ``tell`` hears of the first mistake of each kind as it happens.

    The end of the context is the end of the host: what it has left undone is a mistake then. ``start`` is the
    moment of the port's clock that times count from, which is now if left out.
    """

    def __init__(self, port: Port, tell: Tell = _tell_nobody, start: int | None = None) -> None:
        self.findings: dict[str, Finding] = {}
        """By the names of the rules, in the order in which they were first broken."""
        self.requests = 0
        """DFU requests seen."""
        self._port = port
        self._tell = tell
        self._start = port.clock.now() if start is None else start
        self._history = History(port.device)

    def __enter__(self) -> Self:
        self._port.watch(self._watch)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._port.unwatch(self._watch)
        self._see(Closed(self._port.clock.now()))

    def if_done_now(self) -> dict[str, Finding]:
        """The findings as they would be if the host were done now. It may still go on."""
        findings = {kind: replace(finding) for kind, finding in list(self.findings.items())}
        event = Closed(self._port.clock.now())
        for rule, facts in self._broken(event):
            self._add(findings, rule, facts, event)
        return findings

    def _watch(self, occurrence: Occurrence) -> None:
        self._see(occurrence)

    def _see(self, event: Event) -> None:
        if isinstance(event, Transfer):
            if event.setup.type != CLASS:
                return
            self.requests += 1
        for rule, facts in self._broken(event):
            if advice := self._add(self.findings, rule, facts, event):
                self._tell(advice)
        self._history.add(event)

    def _broken(self, event: Event) -> Iterator[tuple[Rule, Facts]]:
        for rule in RULES:
            facts = self._facts(rule, event)
            if facts is not None:
                yield rule, facts

    def _facts(self, rule: Rule, event: Event) -> Facts | None:
        match event:
            case Transfer():
                return rule.in_transfer(event, self._history)
            case Attached() | GivenUp():
                return None
            case _:
                return rule.at_end(event, self._history)

    def _add(self, findings: dict[str, Finding], rule: Rule, facts: Facts, event: Event) -> Advice | None:
        """Count it; the advice if it is the first of its kind."""
        if finding := findings.get(rule.name):
            finding.count += 1
            return None
        advice = Advice(
            kind=rule.name,
            title=rule.title.format_map(facts),
            why=rule.why.format_map(facts),
            source=rule.source,
            cure=rule.cure.format_map(facts),
            on_this_chip=rule.on(self._history.profile),
            at=event.at - self._start,
            event=event,
        )
        findings[rule.name] = Finding(advice)
        return advice
