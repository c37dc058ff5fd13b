"""``dfu-emulator replay``: a captured session against a profile."""

import argparse
import json
import re
from pathlib import Path

from dfu_emulator.cli.chip_options import PROFILE_HELP, add_profile_changes, chosen_profile
from dfu_emulator.cli.exits import Exit, UsageError
from dfu_emulator.profile import Profile
from dfu_emulator.replay import (
    CaptureError,
    Place,
    Report,
    Start,
    as_json,
    as_text,
    find_session,
    read_capture,
    replay,
)
from dfu_emulator.scenario import load_scenario, without_settings

_NO_BOOTLOADER = 2
"""The read protection level at which it never runs."""

_EXIT_CODES = """\
exit codes: 0 if the emulator answers as the captured chip, 1 if not, 2 for wrong flags, an unusable profile
or image, or a file that is no usable capture
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.description = (
        "Send what a host once sent to a chip to an emulated one, and say where the answers differ and which "
        "keys of the profile decide that."
    )
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "capture",
        type=Path,
        metavar="CAPTURE",
        help="pcap or pcapng of usbmon (Linux) or USBPcap (Windows), or a file of --trace-json",
    )
    parser.add_argument("--profile", required=True, metavar="CHIP", help=PROFILE_HELP)
    add_profile_changes(parser)
    parser.add_argument(
        "--device",
        type=_place,
        metavar="BUS.ADDRESS[@PACKET]",
        help="the chip at first, and one of its packets where others had its address as well; default: the "
        "device with the profile's ids, else one with a DFU interface",
    )
    parser.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="what the flash held when the capture began (only read); default: what the capture shows",
    )
    parser.add_argument(
        "--rdp",
        type=int,
        choices=(0, 1),
        help="read protection level when the capture began; default: as the scenario says, else what the "
        "capture shows",
    )
    parser.add_argument(
        "--boot0",
        choices=("high", "low"),
        help="the BOOT0 pin: whether a reset leads back to the bootloader; default: as the scenario says, "
        "else high",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="how the chip was when the capture began, such as write protected: what one of 'dfu-emulator "
        "scenarios list', or a YAML file, has under 'start' and 'set'; its faults are left out",
    )
    parser.add_argument("--json", action="store_true", help="report in JSON")


def run(arguments: argparse.Namespace) -> int:
    """Replay, print the report, and tell by the exit code whether there are differences."""
    profile = chosen_profile(arguments, arguments.profile)
    scenario = without_settings(load_scenario(arguments.scenario))
    if arguments.rdp is None and scenario.start.rdp == _NO_BOOTLOADER:
        raise UsageError(
            f"--scenario {arguments.scenario} has read protection level 2, at which a chip has no bootloader "
            "that could have been captured: give the level by --rdp, 0 or 1"
        )
    flash = _flash(arguments.image, profile)
    ids = profile.usb.idVendor, profile.usb.idProduct
    try:
        capture = read_capture(arguments.capture)
        session = find_session(capture, *ids, *(arguments.device or ()))
    except CaptureError as error:
        raise UsageError(f"{arguments.capture}: {error}") from None
    boot0 = None if arguments.boot0 is None else arguments.boot0 == "high"
    replayed = replay(session, profile, Start(arguments.rdp, boot0, flash, scenario))
    report = Report(str(arguments.capture), capture.unit, profile, session, replayed)
    print(json.dumps(as_json(report), indent=2) if arguments.json else "\n".join(as_text(report)))
    return Exit.FAILED if replayed.differences else Exit.OK


def _place(text: str) -> tuple[Place, int | None]:
    found = re.fullmatch(r"([0-9]+)\.([0-9]+)(?:@([0-9]+))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected BUS.ADDRESS, like 1.5, or 1.5@340, not {text!r}")
    return (int(found[1]), int(found[2])), int(found[3]) if found[3] else None


def _flash(image: Path | None, profile: Profile) -> bytes | None:
    if image is None:
        return None
    try:
        content = image.read_bytes()
    except OSError as error:
        raise UsageError(f"{image}: cannot be read: {error.strerror}") from None
    if len(content) > profile.memory.flash.size:
        size = profile.memory.flash.size
        raise UsageError(f"{image}: has {len(content)} bytes, the flash of {profile.name} {size}")
    return content
