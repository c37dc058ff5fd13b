"""Put a chip together: from a profile to a port that a transport can serve."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfu_emulator.bootloader import Bootloader
from dfu_emulator.chip import Chip
from dfu_emulator.memory import FlashImage
from dfu_emulator.port import Port, Watcher
from dfu_emulator.profile import Profile, ProfileError, load
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, UniqueId, serial_number
from dfu_emulator.timing import Clock, FastTiming, MonotonicClock, RealTiming
from dfu_emulator.usb_device import UsbDevice

TIMINGS = ("fast", "real")


@dataclass(frozen=True)
class ChipOptions:
    """What a user chooses of a chip beside its profile: keywords of ``emulated``."""

    image: Path | None = None
    timing: str = "fast"
    unique_id: UniqueId = DEFAULT_UNIQUE_ID
    serial: str | None = None
    rdp: int = 0
    boot0: bool = True


@contextmanager
def emulated(
    profile: Profile | str | Path,
    *,
    image: str | Path | None = None,
    timing: str = "fast",
    clock: Clock | None = None,
    unique_id: UniqueId = DEFAULT_UNIQUE_ID,
    serial: str | None = None,
    rdp: int = 0,
    boot0: bool = True,
    watchers: tuple[Watcher, ...] = (),
) -> Iterator[Port]:
    """A chip in its bootloader, plugged into a port.

    ``profile`` is a Profile, the name of one, or the path of a YAML file. ``image`` is the file that keeps
    the flash. ``timing`` is ``fast`` or ``real``. ``rdp`` is the read protection level to begin with (0, 1
    or 2), ``boot0`` the level of the BOOT0 pin at resets (True is high). Raises ProfileError,
    also for a level that the chip does not have, ImageError, and ValueError for anything else that makes no
    sense.
    """
    if timing not in TIMINGS:
        raise ValueError(f"timing is one of {', '.join(TIMINGS)}, not {timing!r}")
    if rdp not in (0, 1, 2):
        raise ValueError(f"the read protection level is 0, 1 or 2, not {rdp!r}")
    if not isinstance(boot0, bool):
        raise ValueError(f"boot0 is True (high) or False (low), not {boot0!r}")
    if not isinstance(profile, Profile):
        profile = load(str(profile))
    if rdp == 2 and profile.memory.option_bytes.rdp.level2 is None:
        raise ProfileError(f"the {profile.name} has no read protection level 2")
    file = FlashImage(Path(image), profile.memory.flash) if image is not None else None
    try:
        chip = Chip(profile, file, boot0)
        if rdp:
            chip.option_bytes.rdp_level = rdp
        bootloader = Bootloader(chip, RealTiming(profile.timing) if timing == "real" else FastTiming())
        device = UsbDevice(profile, bootloader, serial or serial_number(profile.usb, unique_id))
        port = Port(device, clock or MonotonicClock(), watchers)
        try:
            yield port
        finally:
            port.unplug()
    finally:
        if file is not None:
            file.close()
