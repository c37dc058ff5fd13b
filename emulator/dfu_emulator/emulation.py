"""Put a chip together: from a profile to a port that a transport can serve."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from dfu_emulator.bootloader import Bootloader
from dfu_emulator.chip import Chip
from dfu_emulator.memory import FlashImage
from dfu_emulator.port import Port, Watcher
from dfu_emulator.profile import Profile, ProfileError, changed, load
from dfu_emulator.scenario import (
    FaultyDevice,
    Level,
    Scenario,
    load_scenario,
    prepare,
    settings_of,
    without_settings,
)
from dfu_emulator.serial_number import (
    DEFAULT_UNIQUE_ID,
    UniqueId,
    check_serial,
    check_unique_id,
    serial_number,
)
from dfu_emulator.timing import Clock, FastTiming, MonotonicClock, RealTiming
from dfu_emulator.usb_device import UsbDevice

TIMINGS = ("fast", "real")


@dataclass(frozen=True)
class ChipOptions:
    """What a user chooses of a chip beside its profile."""

    image: Path | None = None
    timing: str | None = None
    unique_id: UniqueId = DEFAULT_UNIQUE_ID
    serial: str | None = None
    rdp: int | None = None
    boot0: bool | None = None
    scenario: str | None = None
    seed: int | None = None

    def keywords(self) -> dict[str, Any]:
        """For ``emulated``, with a profile that has been changed as the scenario says."""
        return vars(self) | {"scenario": without_settings(load_scenario(self.scenario))}


def timing_of(wanted: str | None, scenario: Scenario) -> str:
    """``fast`` or ``real``: what is wanted, else what the scenario needs."""
    if wanted is not None:
        return wanted
    return scenario.timing.value if scenario.timing else TIMINGS[0]


@contextmanager
def emulated(
    profile: Profile | str | Path,
    *,
    image: str | Path | None = None,
    timing: str | None = None,
    clock: Clock | None = None,
    unique_id: UniqueId = DEFAULT_UNIQUE_ID,
    serial: str | None = None,
    rdp: int | None = None,
    boot0: bool | None = None,
    scenario: Scenario | str | Path | None = None,
    seed: int | None = None,
    watchers: tuple[Watcher, ...] = (),
) -> Iterator[Port]:
    """A chip in its bootloader, plugged into a port.

    ``profile`` is a Profile, the name of one, or the path of a YAML file. ``image`` is the file that keeps
    the flash. ``timing`` is ``fast`` or ``real``. ``rdp`` is the read protection level to begin with (0, 1
    or 2), ``boot0`` the level of the BOOT0 pin at resets (True is high). ``scenario`` is one, the name of
    one, or the path of its file, and ``seed`` decides what it leaves to chance; what other parameters leave
    out is as it says, else fast, 0 and high. What it changes of the profile is changed, also of a Profile.
    Raises ProfileError, also for a level that the chip does not have, ImageError, and ValueError for anything
    else that makes no sense.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(None if scenario is None else str(scenario))
    timing = timing_of(timing, scenario)
    if rdp is None:
        rdp = scenario.start.rdp
    if boot0 is None:
        boot0 = scenario.start.boot0 is not Level.LOW
    if timing not in TIMINGS:
        raise ValueError(f"timing is one of {', '.join(TIMINGS)}, not {timing!r}")
    if rdp not in (0, 1, 2):
        raise ValueError(f"the read protection level is 0, 1 or 2, not {rdp!r}")
    if not isinstance(boot0, bool):
        raise ValueError(f"boot0 is True (high) or False (low), not {boot0!r}")
    if serial is not None:
        check_serial(serial)
    check_unique_id(unique_id)
    if not isinstance(profile, Profile):
        profile = load(str(profile), settings=settings_of(scenario))
    elif scenario.set:
        profile = changed(profile, settings_of(scenario))
    if rdp == 2 and profile.memory.option_bytes.rdp.level2 is None:
        raise ProfileError(f"the {profile.name} has no read protection level 2")
    file = FlashImage(Path(image), profile.memory.flash) if image is not None else None
    try:
        chip = Chip(profile, file, boot0)
        if rdp:
            chip.option_bytes.rdp_level = rdp
        bootloader = Bootloader(chip, RealTiming(profile.timing) if timing == "real" else FastTiming())
        random = Random(scenario.seed if seed is None else seed)  # noqa: S311 - to be foreseen
        prepare(scenario, bootloader, random)
        serial = serial_number(profile.usb, unique_id) if serial is None else serial
        device = (
            FaultyDevice(profile, bootloader, serial, scenario.faults, random)
            if scenario.faults
            else UsbDevice(profile, bootloader, serial)
        )
        port = Port(device, clock or MonotonicClock(), watchers)
        try:
            yield port
        finally:
            port.unplug()
    finally:
        if file is not None:
            file.close()
