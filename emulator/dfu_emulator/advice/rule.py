"""What a rule is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dfu_emulator.advice.history import Ending, History
from dfu_emulator.port import Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.quirks import quirks_of

Facts: TypeAlias = Mapping[str, object]
"""What the sentences of a rule are filled with."""


def never(_event: object, _history: History) -> None:
    """For a rule that looks at the other kind of event only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake. The sentences are templates; ``name`` is how users refer to it."""

    name: str
    title: str
    """What has happened."""
    why: str
    source: str
    cure: str
    in_transfer: Callable[[Transfer, History], Facts | None] = never
    """The facts if a transfer is such a mistake. ``History`` is what came before it."""
    at_end: Callable[[Ending, History], Facts | None] = never
    """The same for what ends a conversation."""
    quirks: tuple[str, ...] = ()
    """Words of the quirks that make it what it is on a chip."""

    def on(self, profile: Profile) -> tuple[str, ...]:
        """What of it is this chip's own."""
        return tuple(quirk.consequence(profile) for quirk in quirks_of(profile) if quirk.word in self.quirks)
