"""A chip in one line of a table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dfu_emulator.profile.model import EvidenceKind, Profile
from dfu_emulator.profile.quirks import quirks_of
from dfu_emulator.profile.values import count_kinds, values

_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class Summary:
    """What tells one chip from another at a glance. Sizes are in bytes."""

    name: str
    part: str
    aliases: tuple[str, ...]
    family: str
    flash_size: int
    wTransferSize: int
    product: str
    bcdDevice: int
    rom_versions: tuple[str, ...]
    quirks: tuple[str, ...]
    evidence: dict[str, int]
    """How many values are known in which way, by ``hardware``, ``document``, ``inferred`` and ``none``."""

    @property
    def shares(self) -> tuple[int, ...]:
        """Percentages of hardware, document and inferred."""
        total = sum(self.evidence.values())
        return tuple(round(100 * self.evidence[kind.value] / total) for kind in EvidenceKind)


def summarise(profile: Profile) -> Summary:
    """``profile`` in one line."""
    kinds = count_kinds(values(profile))
    return Summary(
        profile.name,
        profile.part,
        profile.aliases,
        profile.family,
        profile.memory.flash.size,
        profile.dfu.wTransferSize,
        profile.usb.product,
        profile.usb.bcdDevice,
        tuple(filter(None, (profile.rom_version, *profile.rom_versions))),
        tuple(quirk.word for quirk in quirks_of(profile)),
        {kind.value: kinds[kind] for kind in EvidenceKind} | {"none": kinds[None]},
    )


def shared_quirks(summaries: Sequence[Summary]) -> list[str]:
    """Those that nearly all chips have, which tell none from another."""
    count = Counter(word for summary in summaries for word in summary.quirks)
    return [word for word, number in count.items() if number >= _NEARLY_ALL * len(summaries)]
