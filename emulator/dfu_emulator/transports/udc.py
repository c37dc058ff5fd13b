"""USB device controllers (UDC): which there are, and which to use."""

from dataclasses import dataclass
from pathlib import Path

from dfu_emulator.transports import TransportError

CLASS_FOLDER = Path("/sys/class/udc")
_DUMMY = "dummy_udc."


class GadgetError(TransportError):
    """A gadget transport cannot be used here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Controller:
    """One UDC; ``name`` is its name in /sys/class/udc."""

    name: str
    folder: Path = CLASS_FOLDER

    @property
    def kind(self) -> str:
        """The name that its driver gives it, which the one in sysfs may be made from."""
        for line in (self.folder / self.name / "uevent").read_text().splitlines():
            if line.startswith("USB_UDC_NAME="):
                return line.partition("=")[2]
        return self.name

    @property
    def function(self) -> str:
        """What uses it: the name of a gadget, empty if nothing does."""
        return (self.folder / self.name / "function").read_text().strip()

    def require_free(self) -> None:
        """Raises GadgetError where something uses it."""
        if user := self.function:
            raise GadgetError(f"the USB device controller {self.name} is in use by {user}")


def available(folder: Path = CLASS_FOLDER) -> list[str]:
    """The names of all controllers."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def choose(name: str | None = None, folder: Path = CLASS_FOLDER) -> Controller:
    """The controller called ``name``; without a name dummy_hcd's, else the only one. Raises GadgetError."""
    names = available(folder)
    if not names:
        raise GadgetError(
            "there is no USB device controller: load the one in software with "
            "'sudo modprobe dummy_hcd is_high_speed=0', or use a board that has one "
            "('dfu-emulator doctor' says what works here)"
        )
    if name is not None:
        if name not in names:
            raise GadgetError(f"there is no USB device controller {name!r}; there is {_listed(names)}")
        return Controller(name, folder)
    candidates = [found for found in names if found.startswith(_DUMMY)] or names
    if len(candidates) > 1:
        raise GadgetError(f"there are several USB device controllers, choose one: {_listed(candidates)}")
    return Controller(candidates[0], folder)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
