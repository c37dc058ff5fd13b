"""A chip as JSON."""

from typing import Any

from dfu_emulator.profile import Profile
from dfu_emulator.profile.quirks import quirks_of
from dfu_emulator.profile.spelling import plain
from dfu_emulator.profile.values import values


def chip_as_json(profile: Profile) -> dict[str, Any]:
    """``profile`` as a profile could have it, ``quirks``, and under ``values`` how each value is known."""
    return {
        "profile": plain(profile),
        "quirks": [
            {"word": quirk.word, "key": quirk.key, "consequence": quirk.consequence(profile)}
            for quirk in quirks_of(profile)
        ],
        "values": [
            {
                "key": value.path,
                "value": plain(value.value),
                "kind": value.kind and value.kind.value,
                "source": value.evidence and value.evidence.source,
            }
            for value in values(profile)
        ],
    }
