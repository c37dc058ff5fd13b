"""What an adviser has found, for people and for programs."""

from collections.abc import Iterator, Sequence

from dfu_emulator.advice.adviser import Advice, Finding
from dfu_emulator.advice.history import Closed
from dfu_emulator.trace import describe


def as_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """A dict for each kind."""
    return [
        {
            "kind": first.kind,
            "count": finding.count,
            "title": first.title,
            "why": first.why,
            "on_this_chip": list(first.on_this_chip),
            "source": first.source,
            "cure": first.cure,
            "first": {"seconds": first.at / 1_000_000, "request": _event(first)},
        }
        for finding in findings
        for first in [finding.first]
    ]


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    """Lines."""
    for finding in findings:
        first = finding.first
        times = "once" if finding.count == 1 else f"{finding.count} times"
        yield f"{first.kind}, {times}"
        yield f"  {first.title}."
        yield f"  first:  {first.at / 1_000_000:.6f}  {_event(first)}"
        yield f"  why:    {first.why}."
        for consequence in first.on_this_chip:
            yield f"  here:   {consequence}."
        yield f"  cure:   {first.cure}."
        yield f"  source: {first.source}"
        yield ""


def _event(advice: Advice) -> str:
    """What happened, with runs of spaces as one."""
    if isinstance(advice.event, Closed):
        return "the host was done"
    return " ".join(describe(advice.event).split())
