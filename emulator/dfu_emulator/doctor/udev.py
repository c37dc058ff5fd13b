"""The udev rule with which host tools open STM32 chips without root."""

import re
from collections.abc import Iterator

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need

_FILE = "/etc/udev/rules.d/70-stm32-dfu.rules"
_SEAT_RULES = "73-seat-late.rules"
"""Acts on the tag uaccess: of a file that is read later it does not see the tag."""
_FOLDERS = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d")
_CHIP = re.compile(r'"0483".*"df11"', re.IGNORECASE)
_MODE_FOR_ALL = re.compile(r'\bMODE\s*:?=\s*"\d*[2367]"')
_GROUP = re.compile(r'\bGROUP\s*:?=\s*"([^"]*)"')


def rule(everyone: bool = False) -> str:
    """The file with the rule, for whoever has a session at the machine's own seat, or for ``everyone``."""
    if everyone:
        who, grant = "every user", 'MODE="0666"'
    else:
        who, grant = "a user who is logged in at this machine's own screen", 'TAG+="uaccess"'
    return (
        f"# STM32 chips in their USB bootloader: {who} may open them without root.\n"
        f"# {_install(everyone)}\n"
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="0483", ATTR{{idProduct}}=="df11", {grant}\n'
    )


def check(computer: Computer) -> Finding:
    """Whether this user may open STM32 chips, going by the rules that are installed."""
    needs, limits = [], []
    if computer.system == "Linux" and not computer.is_root and not any(_for_user(computer)):
        if any(_for_seat(computer)):
            limits.append(
                "the rule is for users at this machine's own screen, not over SSH or on CI; for all: "
                f"{_install(everyone=True)}"
            )
        else:
            needs.append(Need("no udev rule lets this user open STM32 chips", _install()))
    return Finding("udev-rule", "host tools of this user, on STM32 chips", tuple(needs), tuple(limits))


def _install(everyone: bool = False) -> str:
    flag = " --everyone" if everyone else ""
    return (
        f"dfu-emulator udev-rule{flag} | sudo tee {_FILE} && "
        "sudo udevadm control --reload && sudo udevadm trigger"
    )


def _for_user(computer: Computer) -> Iterator[str]:
    """The rules that let this user in wherever the session is."""
    for _file, line in _rules(computer):
        group = _GROUP.search(line)
        if _MODE_FOR_ALL.search(line) or (group and group[1] in computer.groups):
            yield line


def _for_seat(computer: Computer) -> Iterator[str]:
    for file, line in _rules(computer):
        if '"uaccess"' in line and file < _SEAT_RULES:
            yield line


def _rules(computer: Computer) -> Iterator[tuple[str, str]]:
    """The rules on STM32 chips, each with the name of its file."""
    for folder in _FOLDERS:
        for path in computer.path(folder).glob("*.rules"):
            text = computer.read(f"{folder}/{path.name}").replace("\\\n", " ")
            for line in text.splitlines():
                if _CHIP.search(line) and not line.lstrip().startswith("#"):
                    yield path.name, line
