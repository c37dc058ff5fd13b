"""The picture, as text."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.advice import Adviser
from dfu_emulator.live import ChipModel, Look, Picture, draw
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.shipped import available
from dfu_protocol import Request, SetupPacket
from emulator.host import FLASH, OPTION_BYTES, Host, Plug, plugged
from emulator.test_random_requests import anything, sensible

REACH = ("USB/IP on 127.0.0.1 port 3240", "  1-1  STM32F405RG")


def text(*models: ChipModel, width: int = 100, height: int = 40, **options: Any) -> str:
    """What is drawn, without the spaces at the ends of lines."""
    look = options.pop("look", Look())
    picture = Picture([model.snapshot() for model in models], REACH, **options)
    return "\n".join(line.plain.rstrip() for line in draw(picture, width, height, look))


def styles(model: ChipModel, character: str) -> set[str]:
    """How a character is drawn in the map."""
    found = set()
    for line in draw(Picture([model.snapshot()]), 100, 40, Look()):
        if line.plain.strip().startswith("0x"):
            for span in line.spans:
                if character in line.plain[span.start : span.end]:
                    found.add(str(span.style))
    return found


def test_before_the_first_transfer_it_says_how_to_reach_the_chip(plug: Plug, f405: Profile) -> None:
    host = plug(f405)
    with ChipModel(host.port) as model:
        waiting = text(model)
        host.get_status()
        used = text(model)
    assert re.search("waiting for a host ─+\n USB/IP on 127.0.0.1 port 3240\n +1-1  STM32F405RG\n", waiting)
    assert "waiting" not in used
    assert "last transfers" in used


def test_the_chip_its_state_and_address_pointer(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.set_address(FLASH + 0x4000)
        lines = text(model).splitlines()
    assert re.fullmatch(r" STM32F405RG  325E35633334 +● on the bus", lines[0])
    assert re.fullmatch(r" dfuDNLOAD-IDLE +OK +Address_Pointer 0x08004000", lines[1])
    assert re.fullmatch(r" written 0 B +read 0 B +erased 0 B +3 transfers", lines[2])


def test_an_error_says_what_it_means(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.dfu(Request.UPLOAD, 1, 16)
        assert re.search("dfuERROR +errSTALLEDPKT: ", text(model))


def test_the_map(host: Host) -> None:
    with ChipModel(host.port) as model:
        for offset in (0x20000, 0x20800):
            host.write(FLASH + offset, bytes(2048))
        host.clock.sleep(5_000_000)
        drawn = text(model, height=24)
    rows = re.findall(r"0x080[0-9A-E]0000  ([■·]+)", drawn)
    assert rows == ["·" * 64, "■■" + "·" * 62] + ["·" * 64] * 6
    assert "flash 1M, 2K each" in drawn
    assert re.search("0x08000000 .* sectors 0 to 4\n 0x08020000 .* sector 5\n", drawn)


def test_a_higher_terminal_has_a_finer_map(host: Host) -> None:
    model = ChipModel(host.port)
    assert "512 B each" in text(model, width=200, height=60)
    assert "flash 1M, 16K each" in text(model, width=80, height=8)


def test_what_was_just_done_is_in_colour(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.erase(FLASH)
        assert "bold bright_yellow" in styles(model, "•")
        host.write(FLASH, bytes(64))
        assert "bold bright_green" in styles(model, "■")
        host.read(FLASH, 64)
        assert "bold bright_cyan" in styles(model, "■")
        host.clock.sleep(1_000_000)
        assert (styles(model, "•"), styles(model, "■")) == ({"yellow"}, {"cyan"})
        host.clock.sleep(1_000_000)
        assert (styles(model, "•"), styles(model, "■")) == (set(), {"blue"})


def test_neighbouring_sectors_have_two_shades(host: Host) -> None:
    with ChipModel(host.port) as model:
        for sector in range(2):
            host.write(FLASH + sector * 0x4000, bytes(64))
        host.clock.sleep(5_000_000)
        assert styles(model, "■") == {"blue", "bright_blue"}


@pytest.mark.parametrize(("kind", "letter"), [("erase", "e"), ("write", "w"), ("read", "r")])
def test_without_colours_what_was_just_done_is_a_letter(host: Host, kind: str, letter: str) -> None:
    with ChipModel(host.port) as model:
        if kind == "erase":
            host.erase(FLASH)
        elif kind == "write":
            for block in range(8):
                host.write(FLASH + 2048 * block, bytes(2048))
        else:
            host.read(FLASH, 16384)
        drawn = text(model, height=24, look=Look(colour=False))
    assert re.search(f"0x08000000  {letter}{{8}}[·■]", drawn)


def test_without_unicode_all_is_ascii(host: Host) -> None:
    with ChipModel(host.port) as model, Adviser(host.port, model.advise):
        host.write(FLASH, bytes(64))
        host.dfu(Request.UPLOAD, 2, 64)
        drawn = text(model, look=Look(unicode=False), messages=["Größe"])
    assert drawn.isascii()
    assert "0x08000000  #" in drawn
    assert "! UPLOAD of block 2" in drawn


def test_the_last_transfers(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.clock.sleep(1_500_000)
        host.dnload(0, b"\x21" + FLASH.to_bytes(4, "little"))
        for _ in range(6):
            host.get_state()
        drawn = text(model, width=120)
    assert re.search(r"  1\.500 DFU_DNLOAD +Set Address Pointer 0x08000000 +dfuDNLOAD-SYNC\n", drawn)
    assert re.search(r"  1\.500 DFU_GETSTATE +dfuDNLOAD-SYNC  \(x 6\)\n", drawn)


def test_why_it_was_stalled(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.dfu(Request.UPLOAD, 1, 16)
        assert re.search("DFU_UPLOAD +block 1, 0 of 16 bytes +STALL: wBlockNum 1 is reserved\n", text(model))


def test_only_as_many_transfers_as_there_is_room_for_the_last_ones(host: Host) -> None:
    with ChipModel(host.port) as model:
        for block in range(2, 40):
            host.upload(block, 64)
        drawn = text(model, height=24)
    blocks = [int(number) for number in re.findall(r"block (\d+),", drawn)]
    assert blocks == list(range(blocks[0], 40))
    assert len(blocks) >= 5


def test_how_it_left(host: Host) -> None:
    with ChipModel(host.port) as model:
        host.port.device.bootloader.chip.boot0 = False
        host.start_reset(b"\x92")
        drawn = text(model)
    assert "○ off the bus: read unprotect; the bootloader does not come back" in drawn
    assert "the device leaves the bus: read unprotect" in drawn


def test_how_long_it_is_busy(plug: Plug, f405: Profile) -> None:
    host = plug(f405, timing="real").idle()
    with ChipModel(host.port) as model:
        host.dnload(0, b"\x41" + FLASH.to_bytes(4, "little"))
        host.get_status()
        assert re.search("dfuDNBUSY +OK  busy, 0.4 s to go", text(model))


def test_read_protection(plug: Plug, f405: Profile) -> None:
    assert "read protection level 1" in text(ChipModel(plug(f405, rdp=1).port))


def test_other_memories(host: Host) -> None:
    with ChipModel(host.port) as model:
        assert "option bytes" not in text(model)
        host.read(OPTION_BYTES, 16)
        assert "0x1FFFC000  option bytes    ••••••••••••••••\n" in text(model)


def test_advice_says_what_and_the_cure(host: Host) -> None:
    with ChipModel(host.port) as model, Adviser(host.port, model.advise):
        assert "advice" not in text(model)
        host.set_address(FLASH)
        host.dfu(Request.UPLOAD, 2, 16)
        drawn = text(model)
        assert "▲ UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE.\n   Send DFU_ABORT first" in drawn
        host.dfu(Request.UPLOAD, 1, 16)
        host.clear_status()
        host.abort()
        assert "advice, the last 1 of 3 kinds" in text(model, height=20)


def test_what_was_said_beside(host: Host) -> None:
    messages = ["one", "two", "and\tthree \x1b[2J"]
    with ChipModel(host.port) as model:
        for _ in range(2):
            drawn = text(model, messages=messages)
            assert " two\n and three  [2J\n" in drawn
            assert " one\n" not in drawn
            host.get_status()


def test_of_several_chips_the_last_used_in_full(plug: Plug, f405: Profile) -> None:
    one, two = plug(f405, serial="ONE"), plug(f405, serial="TWO")
    with ChipModel(one.port, "1-1") as first, ChipModel(two.port, "1-2") as second:
        two.clock.sleep(1)
        two.get_status()
        lines = text(first, second).splitlines()
        assert lines[0].startswith("   1-1  STM32F405RG   ONE ")
        assert lines[1].startswith(" ● 1-2  STM32F405RG   TWO ")
        assert re.fullmatch(" STM32F405RG  TWO +● 1-2 on the bus", lines[3])


def test_more_chips_than_lines(plug: Plug, f405: Profile) -> None:
    models = [ChipModel(plug(f405).port, f"1-{number}") for number in range(1, 21)]
    assert "and 13 more" in text(*models, height=24)


def fits(lines: Sequence[Any], width: int, height: int) -> bool:
    return len(lines) <= height and all(line.cell_len <= width for line in lines)


@settings(max_examples=30)
@given(
    st.sampled_from(available()),
    st.integers(1, 250),
    st.integers(1, 80),
    st.lists(anything | sensible, max_size=25),
    st.builds(Look, st.booleans(), st.booleans()),
)
def test_any_chip_fits_any_size_whatever_happens(
    name: str, width: int, height: int, requests: list[tuple[SetupPacket, bytes]], look: Look
) -> None:
    with (
        plugged(load(name)) as host,
        ChipModel(host.port) as model,
        Adviser(host.port, model.advise),
    ):
        for setup, data in requests:
            try:
                host.port.control(setup, data)
            except DeviceGone:
                break
        for models in ([model], [model] * 5):
            picture = Picture([model.snapshot() for model in models], REACH, ["a message " * 9])
            assert fits(draw(picture, width, height, look), width, height)


@pytest.mark.parametrize("name", available())
def test_each_chip_fits_each_small_size(name: str) -> None:
    with plugged(load(name)) as host, ChipModel(host.port) as model, Adviser(host.port, model.advise):
        host.dfu(Request.UPLOAD, 1, 16)
        picture = Picture([model.snapshot()], REACH)
        for width in (1, 2, 7, 12, 13, 20, 40, 79, 80):
            for height in (1, 2, 3, 5, 8, 12, 24):
                assert fits(draw(picture, width, height, Look()), width, height)
