"""The flags that describe a chip, for ``exec``, ``run`` and whatever else has one."""

import argparse
from pathlib import Path

from dfu_emulator.cli.exits import UsageError
from dfu_emulator.cli.trace_options import add_trace_options
from dfu_emulator.emulation import TIMINGS, ChipOptions, timing_of
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.changes import Setting
from dfu_emulator.scenario import load_scenario, settings_of
from dfu_emulator.serial_number import DEFAULT_UNIQUE_ID, UniqueId, check_serial, parse_unique_id

PROFILE_HELP = "a chip's name, which 'dfu-emulator profiles list' shows, or the path of a YAML file"


def add_profile_changes(parser: argparse.ArgumentParser) -> None:
    """Add what changes a profile."""
    parser.add_argument(
        "--rom-version",
        metavar="NAME",
        help="another ROM of the part, as 'profiles show' names it",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the profile, like flash.size=512K; may be given again",
    )


def chosen_profile(arguments: argparse.Namespace, name: str) -> Profile:
    """The profile called ``name``, changed as the flags say. Raises ProfileError."""
    return load(name, arguments.rom_version, chosen_settings(arguments))


def chosen_settings(arguments: argparse.Namespace) -> list[str | Setting]:
    """What the flags change of a profile: ``--set`` has the last word."""
    return [*settings_of(load_scenario(getattr(arguments, "scenario", None))), *arguments.set]


def add_chip_options(parser: argparse.ArgumentParser) -> None:
    """Add all but ``--profile``."""
    add_profile_changes(parser)
    words = "-".join(f"{word:08X}" for word in DEFAULT_UNIQUE_ID)
    parser.add_argument(
        "--image", type=_file, metavar="FILE", help="keep the flash in FILE, made if it does not exist"
    )
    parser.add_argument(
        "--timing",
        choices=TIMINGS,
        help="real: erase and program take as long as on the chip; default: as the scenario says, else fast",
    )
    parser.add_argument("--uid", type=_unique_id, help=f"default: {words}")
    parser.add_argument(
        "--serial", type=_serial, help="serial number, in place of the one made from the unique id"
    )
    parser.add_argument(
        "--rdp",
        type=int,
        choices=(0, 1, 2),
        help="read protection level to begin with; default: as the scenario says, else 0",
    )
    parser.add_argument(
        "--boot0",
        choices=("high", "low"),
        help="the BOOT0 pin: whether a reset leads back to the bootloader; default: as the scenario "
        "says, else high",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="put the chip through faults: one of 'dfu-emulator scenarios list', or the path of a YAML file",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="decides what the scenario leaves to chance; default: as it says",
    )
    add_trace_options(parser)
    parser.add_argument(
        "--advice",
        action="store_true",
        help="say on the standard error what the host does wrong, why, and what helps, each kind once",
    )


def chip_options(arguments: argparse.Namespace) -> ChipOptions:
    """The chip options of ``exec`` and ``run``. Raises UsageError for a seed that decides nothing."""
    if arguments.seed is not None and arguments.scenario is None and not getattr(arguments, "farm", None):
        raise UsageError("--seed decides what a scenario leaves to chance: name one by --scenario")
    return ChipOptions(
        image=arguments.image,
        timing=arguments.timing,
        unique_id=arguments.uid or DEFAULT_UNIQUE_ID,
        serial=arguments.serial,
        rdp=arguments.rdp,
        boot0=None if arguments.boot0 is None else arguments.boot0 == "high",
        scenario=arguments.scenario,
        seed=arguments.seed,
    )


def chosen_timing(arguments: argparse.Namespace) -> str:
    """``fast`` or ``real``, as the flags or else the scenario have it."""
    return timing_of(arguments.timing, load_scenario(arguments.scenario))


def _unique_id(text: str) -> UniqueId:
    try:
        return parse_unique_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _file(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of a file is missing")
    return Path(text)


def _serial(text: str) -> str:
    try:
        check_serial(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
