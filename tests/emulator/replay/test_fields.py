"""A field of the profile that is not the captured chip's: the difference, and the key that is named."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from msgspec import structs

from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import (
    AbortInError,
    BlockSize,
    BusyModel,
    ClrStatus,
    Detach,
    FirstContact,
    LoneFunctional,
    OptionArea,
    OutsideMap,
    Overwrite,
    Rdp1,
)
from dfu_emulator.profile.scalars import HexBytes
from dfu_emulator.replay.records import Outcome
from dfu_emulator.replay.steps import Step
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.host import FLASH, NOWHERE, OPTION_BYTES, Host, variant
from emulator.replay import scripts
from emulator.replay.files import transfers
from emulator.replay.log import IDLE, Log
from emulator.replay.recorder import Script, found, recorded, replayed


def jobs(host: Host) -> None:
    """An erase and a write."""
    host.idle()
    scripts.polled(host, 0, b"\x41" + FLASH.to_bytes(4, "little"))
    scripts.polled(host, 0, b"\x21" + FLASH.to_bytes(4, "little"))
    scripts.polled(host, 2, bytes(range(64)))


def clear_in_idle(host: Host) -> None:
    host.idle()
    host.dfu(Request.CLRSTATUS)
    host.get_status()


def abort_in_error(host: Host) -> None:
    host.get_status()
    host.dfu(Request.ABORT)
    host.get_status()


def detach(host: Host) -> None:
    host.idle()
    host.dfu(Request.DETACH)
    if host.port.attached:
        host.get_status()


def first_contact(host: Host) -> None:
    host.get_status()


def outside(host: Host) -> None:
    host.idle()
    host.set_address(NOWHERE)


def large_blocks(host: Host) -> None:
    host.idle()
    host.dfu(Request.UPLOAD, 2, 2048)
    host.get_status()


def commands(host: Host) -> None:
    host.idle()
    host.upload(0, 16)


def lone_functional(host: Host) -> None:
    host.get_status()
    host.port.control(SetupPacket(0x81, 6, 0x2100, 0, 9))


def one_string(host: Host) -> None:
    host.get_status()
    host.port.control(SetupPacket(0x80, 6, 0x0302, 0x0409, 255))


def alternate_string(host: Host) -> None:
    host.get_status()
    host.port.control(SetupPacket(0x80, 6, 0x0304, 0x0409, 255))


@pytest.mark.parametrize(
    ("script", "section", "fields", "expected"),
    [
        pytest.param(
            jobs,
            "timing.poll_timeout",
            {"erase": 50},
            [("bwPollTimeout", "50 ms", "100 ms", ("timing.poll_timeout.erase",))],
            id="poll_timeout",
        ),
        pytest.param(
            clear_in_idle,
            "bootloader",
            {"clrstatus": ClrStatus.STALL},
            [("answer", "STALL", "OK", ("bootloader.clrstatus",))],
            id="clrstatus stall",
        ),
        pytest.param(
            clear_in_idle,
            "bootloader",
            {"clrstatus": ClrStatus.IGNORE},
            [
                ("bStatus", "OK", "errUNKNOWN", ("bootloader.clrstatus",)),
                ("bState", "dfuIDLE", "dfuERROR", ("bootloader.clrstatus",)),
            ],
            id="clrstatus ignore",
        ),
        pytest.param(
            abort_in_error,
            "bootloader",
            {"abort_in_error": AbortInError.IDLE},
            [("answer", "OK", "STALL (ABORT is not allowed in dfuERROR)", ("bootloader.abort_in_error",))],
            id="abort_in_error",
        ),
        pytest.param(
            detach,
            "bootloader",
            {"detach": Detach.REENUMERATE},
            [("answer", "OK", "STALL (DETACH is not allowed in dfuIDLE)", ("bootloader.detach",))],
            id="detach",
        ),
        pytest.param(
            outside,
            "bootloader",
            {"outside_map": OutsideMap.ADDRESS},
            [("bStatus", "errADDRESS", "errTARGET", ("bootloader.outside_map", "memory"))],
            id="outside_map",
        ),
        pytest.param(
            large_blocks,
            "dfu",
            {"wTransferSize": 1024},
            [("answer", "STALL", "2048 bytes", ("protection.read", "memory", "dfu.wTransferSize"))],
            id="wTransferSize",
        ),
        pytest.param(
            commands,
            "bootloader",
            {"commands": (0x00, 0x21, 0x41)},
            [("commands", "00 21 41", "00 21 41 92", ("bootloader.commands",))],
            id="commands",
        ),
        pytest.param(
            lone_functional,
            "usb",
            {"lone_functional": LoneFunctional.SILENCE},
            [("answer", "no answer for 5.000 s", "9 bytes", ("usb.lone_functional",))],
            id="lone_functional",
        ),
        pytest.param(
            one_string,
            "usb",
            {"product": "DFU in FS Mode"},
            [("string 2", "'DFU in FS Mode'", "'STM32  BOOTLOADER'", ("usb.product",))],
            id="string",
        ),
        pytest.param(
            alternate_string,
            "",
            {"alternate_tails": (HexBytes(b"\0\0\x4a\xff"),)},
            [("behind the text of string 4", "00 00 4a ff", "nothing", ("alternate_tails",))],
            id="tail",
        ),
    ],
)
def test_a_field_that_differs_is_named(
    f405: Profile,
    script: Script,
    section: str,
    fields: dict[str, object],
    expected: list[tuple[str, str, str, tuple[str, ...]]],
) -> None:
    captured = recorded(changed(f405, section, fields), script)
    result = replayed([*captured, *later(captured)], f405)
    assert found(result) == expected


def changed(profile: Profile, section: str, fields: dict[str, object]) -> Profile:
    """With other values in a section, or in the profile itself."""
    return variant(profile, section, **fields) if section else structs.replace(profile, **fields)


def later(steps: list[Step]) -> Iterator[Step]:
    """The host goes on: what shows that a difference was the only one."""
    last = transfers(steps)[-1]
    yield replace(
        last,
        number=last.number + 1,
        setup=SetupPacket(0x80, 8, 0, 0, 1),
        data=b"\1",
        outcome=Outcome.ANSWERED,
        took=0,
    )


def vendor(host: Host) -> None:
    host.idle()
    host.set_address(FLASH)


def overwrite(host: Host) -> None:
    jobs(host)
    scripts.polled(host, 2, bytes(64))
    if host.get_status().bState is State.ERROR:
        host.clear_status()
    host.abort()
    host.upload(2, 64)


def second_block(host: Host) -> None:
    """Read bytes that were written, in blocks of less than wTransferSize."""
    scripts.download(host, 4096)
    host.idle()
    for block in (2, 3):
        host.upload(block, 64)


def wedge(host: Host) -> None:
    """An erase that never ends by itself."""
    host.idle()
    host.erase(FLASH)
    for _ in range(4):
        host.clock.sleep(2_000_000)
        host.get_status()
    host.clear_status()
    host.get_status()


@pytest.mark.parametrize(
    ("script", "section", "fields", "keys"),
    [
        (overwrite, "memory.flash", {"overwrite": Overwrite.VERIFY}, {("memory.flash.overwrite",)}),
        (
            second_block,
            "bootloader",
            {"block_size": BlockSize.WLENGTH},
            {("memory.flash", "bootloader.block_size", "dfu.wTransferSize")},
        ),
        (
            wedge,
            "bootloader",
            {"wedge_from": FLASH},
            {("bootloader.busy", "bootloader.wedge_from", "timing.flash")},
        ),
        (
            jobs,
            "bootloader",
            {"busy": BusyModel.STALL},
            {("bootloader.busy", "bootloader.wedge_from", "timing.flash")},
        ),
    ],
)
def test_behaviour_that_differs(
    f405: Profile, script: Script, section: str, fields: dict[str, object], keys: set[tuple[str, ...]]
) -> None:
    result = replayed(recorded(variant(f405, section, **fields), script), f405)
    assert {finding[3] for finding in found(result)} == keys


def test_a_chip_that_holds_the_host_up_where_the_profile_lets_it_poll(f405: Profile) -> None:
    result = replayed(recorded(f405, jobs), variant(f405, "bootloader", busy=BusyModel.POLL))
    assert found(result) == [
        (
            "bState",
            "dfuDNLOAD-IDLE",
            "dfuDNBUSY",
            ("bootloader.busy", "bootloader.wedge_from", "timing.flash"),
        )
    ]


def test_blocks_that_are_too_long_for_the_profile(f405: Profile) -> None:
    result = replayed(recorded(f405, large_blocks), variant(f405, "dfu", wTransferSize=1024))
    assert [finding[::3] for finding in found(result)] == [("answer", ("dfu.wTransferSize",))]


def test_option_bytes_of_another_size(f405: Profile) -> None:
    def script(host: Host) -> None:
        host.idle()
        host.set_address(OPTION_BYTES)
        host.abort()
        host.upload(2, 32)
        host.get_status()

    areas = f405.memory.option_bytes.areas
    longer = tuple(OptionArea(area.start, HexBytes(area.factory * 2)) for area in areas)
    result = replayed(recorded(f405, script), variant(f405, "memory.option_bytes", areas=longer))
    assert found(result) == [("length", "16 bytes", "32 bytes", ("memory.option_bytes",))]


def test_the_keys_of_protection(f405: Profile) -> None:
    captured = recorded(f405, vendor, rdp=1)
    allowing = variant(f405, "protection", set_address=Rdp1.ALLOW)
    assert found(replayed(captured, allowing)) == [
        ("bStatus", "errVENDOR", "OK", ("protection.set_address",)),
        ("bState", "dfuERROR", "dfuDNLOAD-IDLE", ("protection.set_address",)),
    ]


def test_a_first_contact_that_can_only_be_after_a_reset(f405: Profile) -> None:
    captured = recorded(f405, first_contact)
    result = replayed(captured, variant(f405, "bootloader", first_contact=FirstContact.IDLE))
    assert found(result) == [
        ("bStatus", "errFIRMWARE", "OK", ("bootloader.first_contact",)),
        ("bState", "dfuERROR", "dfuIDLE", ("bootloader.first_contact",)),
    ]


def test_a_first_contact_that_an_earlier_host_may_have_left(f405: Profile) -> None:
    captured = recorded(variant(f405, "bootloader", first_contact=FirstContact.IDLE), jobs)
    result = replayed(captured, f405)
    assert found(result) == []
    assert result.begins is not None
    assert result.begins.told == (State.DFU_IDLE, Status.OK)


def test_what_no_key_decides(f405: Profile) -> None:
    """An ABORT that is stalled outside dfuERROR, and a GETSTATUS that is answered with nothing."""
    log = Log()
    log.status((Status.FIRMWARE, 0, State.ERROR))
    log.request(Request.CLRSTATUS)
    log.request(Request.ABORT, Outcome.STALL)
    log.status(IDLE)
    log.transfer(SetupPacket.dfu(Request.GETSTATUS, 0, 6))
    assert found(replayed(log.steps, f405)) == [
        ("answer", "STALL", "OK", ()),
        ("data", "nothing", "00 00 00 00 02 00", ()),
    ]


def test_an_alternate_setting_that_the_chip_has_not(f405: Profile) -> None:
    def script(host: Host) -> None:
        host.get_status()
        host.port.control(SetupPacket(0x80, 6, 0x0306, 0x0409, 255))
        host.port.control(SetupPacket(0x01, 11, 2))

    differences = found(
        replayed(recorded(structs.replace(f405, alternates=f405.alternates[:2]), script), f405)
    )
    assert [finding[::3] for finding in differences] == [("answer", ("alternates",))] * 2


def test_another_chip(f405: Profile) -> None:
    """What its descriptors tell, each field for itself."""
    result = replayed(recorded(load("stm32h743"), scripts.enumerate_it_and_ask), f405)
    assert {key for finding in found(result) for key in finding[3]} >= {
        "usb.bcdDevice",
        "usb.product",
        "alternates",
        "alternates.0",
        "dfu.wTransferSize",
    }


def test_each_key_that_is_named_is_one_of_the_profile(f405: Profile) -> None:
    """Of all that a session with another chip brings up."""

    def script(host: Host) -> None:
        scripts.enumerate_it(host)
        scripts.stumble(host)
        scripts.download(host)
        scripts.upload(host)

    for chip in ("stm32h743", "stm32u585", "stm32f107"):
        for _, _, _, keys in found(replayed(recorded(load(chip), script), f405)):
            for key in keys:
                place: object = f405
                for part in key.split("."):
                    place = place[int(part)] if isinstance(place, tuple) else getattr(place, part)
