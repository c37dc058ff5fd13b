"""The chips of one test: plugs them in, lets PyUSB find them, and unplugs them in the reverse order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import usb.backend.libusb1

from dfu_emulator.advice import Adviser
from dfu_emulator.emulation import emulated
from dfu_emulator.port import Occurrence
from dfu_emulator.profile import Profile, ProfileError, changed, load
from dfu_emulator.profile.changes import Setting
from dfu_emulator.profile.shipped import is_path
from dfu_emulator.pytest_plugin.chip import Stm32
from dfu_emulator.pytest_plugin.keys import Keys, refusal
from dfu_emulator.scenario import Scenario, load_scenario, settings_of, without_settings
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, neighbour
from dfu_emulator.timing import Clock, ManualClock, MonotonicClock
from dfu_emulator.transports.inprocess import Backend

_CLOCKS: dict[str, type[Clock]] = {"system": MonotonicClock, "manual": ManualClock}


class Bench:
    """Where chips are plugged in. Paths are relative to ``folder``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.chips: list[Stm32] = []
        self._folder = folder
        self._stack = stack

    def plug_in(self, keys: Keys) -> Stm32:
        """Another chip. Fails the test with one sentence where the keys make no sense."""
        try:
            chip = self._stack.enter_context(self._plugged_in(keys))
        except (ProfileError, ValueError, OSError) as error:
            raise refusal(str(error)) from None
        self.chips.append(chip)
        return chip

    def backend(self, *_arguments: object, **_keywords: object) -> Backend:
        """PyUSB's backend with all the chips, whatever library was asked for."""
        return Backend(*(chip.port for chip in self.chips))

    @contextmanager
    def _plugged_in(self, keys: Keys) -> Iterator[Stm32]:
        clock = keys.get("clock", "system")
        if clock not in _CLOCKS:
            raise ValueError(f"clock is one of {', '.join(_CLOCKS)}, not {clock!r}")
        scenario = keys.get("scenario", Scenario())
        if not isinstance(scenario, Scenario):
            scenario = load_scenario(self._found(scenario))
        occurrences: list[Occurrence] = []
        with ExitStack() as stack:
            port = stack.enter_context(
                emulated(
                    self._profile(keys, scenario),
                    timing=keys.get("timing"),
                    clock=_CLOCKS[clock](),
                    unique_id=keys.get("unique_id", neighbour(DEFAULT_UNIQUE_ID, len(self.chips))),
                    serial=keys.get("serial"),
                    rdp=keys.get("rdp"),
                    boot0=keys.get("boot0"),
                    scenario=without_settings(scenario),
                    seed=keys.get("seed"),
                    watchers=(occurrences.append,),
                )
            )
            start = occurrences[0].at if occurrences else None  # as the trace counts
            chip = Stm32(port, occurrences, stack.enter_context(Adviser(port, start=start)), stack)
            self._fill(chip, keys.get("image", b""))
            yield chip

    def _profile(self, keys: Keys, scenario: Scenario) -> Profile:
        profile, rom_version = keys["profile"], keys.get("rom_version")
        settings: list[str | Setting] = [*settings_of(scenario), *keys.get("settings", ())]
        if isinstance(profile, Profile):
            if rom_version:
                raise ValueError("rom_version goes with the name of a profile, not with a Profile")
            return changed(profile, settings)
        return load(self._found(profile), rom_version, settings)

    def _found(self, name: str | Path) -> str:
        """A name as it is, and the path of a file from where we are."""
        return str(self._folder / name) if isinstance(name, Path) or is_path(name) else name

    def _fill(self, chip: Stm32, image: bytes | str | Path) -> None:
        data = image if isinstance(image, bytes) else (self._folder / image).read_bytes()
        flash = chip.profile.memory.flash
        if len(data) > flash.size:
            raise ValueError(
                f"the image has {len(data)} bytes, the flash of the {chip.profile.part} {flash.size}"
            )
        chip.write(flash.start, data)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A bench for one test. Meanwhile PyUSB finds its chips, and no real device."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        place = Bench(folder, stack)
        # The first that usb.core.find asks for, and it asks anew each time.
        patch.setattr(usb.backend.libusb1, "get_backend", place.backend)
        yield place
