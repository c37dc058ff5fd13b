"""Erase, write and verify as a whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import Profile, load
from dfu_emulator.profile.model import Overwrite
from dfu_emulator.transports.inprocess import Backend
from dfu_host.bus import pick
from dfu_host.errors import DeviceGoneError, DeviceResetError, InterruptedJob, VerifyError
from dfu_host.plan import Plan, plan_write
from dfu_host.programmer import Care, EraseMode, erase, program
from dfu_protocol import Erase, MassErase, Request, parse_layout
from dfu_protocol.firmware_file import Element
from emulator.host import variant
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench, Vanishing, bench

CODE = bytes(range(200))
SECTOR = 16 * 1024
CARELESS = Care(preserve=False)
WITHOUT_READING = parse_layout("@Internal Flash  /0x08000000/04*016Kf")
WRITE_PROTECT_SECTOR_1 = bytes.fromhex("ffaa ffff ffff ffff fdff ffff ffff ffff")


def plan(bench: Bench, alternate: int, *elements: Element, align: int = 4) -> Plan:
    layout = pick(backend=bench.backend).alternates[alternate].layout
    assert layout
    return plan_write(alternate, layout, elements, align)


class TestErasing:
    def test_only_the_pages_that_the_data_touches(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, CODE)
            session.write(FLASH + 3 * SECTOR, CODE)
            planned = plan(f405_bench, 0, Element(FLASH + SECTOR - 8, b"ABCDEFGHIJKLMNOP"))
            program(session, [planned], care=CARELESS)
        assert f405_bench.commands(Erase) == [Erase(FLASH), Erase(FLASH + SECTOR)]
        flash = f405_bench.flash
        assert flash[:SECTOR] == b"\xff" * (SECTOR - 8) + b"ABCDEFGH"
        assert flash[SECTOR : 3 * SECTOR] == b"IJKLMNOP" + b"\xff" * (2 * SECTOR - 8)
        assert flash[3 * SECTOR : 3 * SECTOR + len(CODE)] == CODE

    def test_everything(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH + 3 * SECTOR, CODE)
            program(session, [plan(f405_bench, 0, Element(FLASH, CODE))], mode=EraseMode.MASS)
        assert f405_bench.commands(MassErase) == [MassErase()]
        assert f405_bench.commands(Erase) == []
        assert f405_bench.flash[: 4 * SECTOR] == CODE + b"\xff" * (4 * SECTOR - len(CODE))

    def test_nothing(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH + 4, b"keep")
            program(session, [plan(f405_bench, 0, Element(FLASH + 8, CODE))], mode=EraseMode.NONE)
        assert f405_bench.commands(Erase) == []
        assert f405_bench.flash[4 : 8 + len(CODE)] == b"keep" + CODE

    def test_padding_is_not_verified(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, b"old data")
            program(session, [plan(f405_bench, 0, Element(FLASH + 8, b"x"), align=16)], mode=EraseMode.NONE)
        assert f405_bench.flash[:9] == b"old datax"

    @pytest.mark.parametrize("mode", [EraseMode.PAGES, EraseMode.NONE])
    def test_padding_is_what_the_memory_has(self, make_bench: MakeBench, mode: EraseMode) -> None:
        """On an STM32L1, whose erased bytes are zero and whose bits are set by writing."""
        bench = make_bench(load("stm32l152rc"))
        with bench.session() as session:
            session.write(FLASH, b"old data")
            planned = plan(bench, 0, Element(FLASH + 8, b"newdata!"), align=32)
            program(session, [planned], mode=mode, care=CARELESS)
        kept = b"old data" if mode is EraseMode.NONE else bytes(8)
        assert bench.flash[:40] == kept + b"newdata!" + bytes(24)

    def test_happens_before_any_write(self, f405_bench: Bench) -> None:
        """Two targets in one sector, as a file may have them for chips whose alternates share a memory."""
        plans = [
            plan(f405_bench, 0, Element(FLASH, b"1234")),
            plan(f405_bench, 0, Element(FLASH + 64, b"5678")),
        ]
        with f405_bench.session() as session:
            program(session, plans)
        assert f405_bench.flash[:68] == b"1234" + b"\xff" * 60 + b"5678"

    def test_of_pages_alone_reports_progress(self, f405_bench: Bench) -> None:
        progress = Recorder()
        with f405_bench.session() as session:
            erase(session, [(FLASH, SECTOR), (FLASH + SECTOR, SECTOR)], progress.track)
        erasing, (checking, total, done) = progress.seen
        assert erasing == ("erasing", 2 * SECTOR, [SECTOR, SECTOR])
        assert (checking, total, sum(done)) == ("checking", 2 * SECTOR, 2 * SECTOR)


class TestVerifying:
    def test_mismatch_names_the_first_byte(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, b"\x00" * 8)
            with pytest.raises(VerifyError) as caught:
                program(session, [plan(f405_bench, 0, Element(FLASH, CODE))], mode=EraseMode.NONE)
        assert caught.value.address == FLASH + 1
        assert caught.value.expected == bytes(range(1, 17))
        assert caught.value.found == bytes(7) + bytes(range(8, 17))
        assert str(caught.value).startswith("verification failed at 0x08000001: expected 01 02 03")
        assert "found 00 00 00" in str(caught.value)

    @pytest.mark.parametrize("offset", [0, 2047, 2048, 4999])
    def test_every_byte_counts(self, f405_bench: Bench, offset: int) -> None:
        data = bytearray(b"\xff" * 5000)
        data[offset] = 0xFE
        with f405_bench.session() as session:
            session.write(FLASH, b"\xff" * offset + b"\x00" + b"\xff" * (4999 - offset))
            with pytest.raises(VerifyError) as caught:
                program(session, [plan(f405_bench, 0, Element(FLASH, bytes(data)))], mode=EraseMode.NONE)
        assert caught.value.address == FLASH + offset

    def test_finds_write_protection_that_the_chip_hides(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session, pytest.raises(DeviceResetError):
            session.write(OPTION_BYTES, WRITE_PROTECT_SECTOR_1)
        assert f405_bench.port.attached
        with f405_bench.session() as session:
            program(session, [plan(f405_bench, 0, Element(FLASH, CODE))])
            with pytest.raises(VerifyError, match=r"0x08004000: .* may be write protected"):
                program(session, [plan(f405_bench, 0, Element(FLASH + SECTOR, CODE))])

    def test_can_be_left_out(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, b"\x00" * 8)
            program(session, [plan(f405_bench, 0, Element(FLASH, CODE))], mode=EraseMode.NONE, verify=False)
        assert f405_bench.requests(Request.UPLOAD) == []

    def test_is_left_out_where_the_memory_cannot_be_read(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            program(session, [plan_write(0, WITHOUT_READING, [Element(FLASH, CODE)], 4)])
        assert f405_bench.requests(Request.UPLOAD) == []
        assert f405_bench.flash[: len(CODE)] == CODE


class Impatient(Backend):
    """Somebody presses Ctrl-C in the first data block, and again at once."""

    pressed = 0

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        if self.pressed == 1 or (not self.pressed and bRequest == Request.DNLOAD and wValue):
            self.pressed += 1
            raise KeyboardInterrupt
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


class TestWhatIsKept:
    """The only copy of it is here once its page is erased."""

    def test_survives_impatience(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, CODE)
        f405_bench.backend = Impatient(f405_bench.port)
        with f405_bench.session() as session, pytest.raises(InterruptedJob) as caught:
            program(session, [plan(f405_bench, 0, Element(FLASH, b"new!"))], care=Care(preserve=True))
        assert f405_bench.backend.pressed == 2
        assert caught.value.remains.unrestored == (Element(FLASH + 4, CODE[4:]),)

    def test_survives_a_chip_that_does_not_hold_it(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, CODE)

            @contextmanager
            def track(label: str, _total: int) -> Iterator[Callable[[int], None]]:
                if label == "verifying":
                    f405_bench.port.device.bootloader.chip.flash.cells[150] ^= 1
                yield lambda _count: None

            with pytest.raises(VerifyError) as caught:
                program(
                    session,
                    [plan(f405_bench, 0, Element(FLASH, b"new!"))],
                    care=Care(preserve=True),
                    track=track,
                )
        assert caught.value.remains
        assert caught.value.remains.unrestored == (Element(FLASH + 4, CODE[4:]),)


class TestOptionBytes:
    def test_come_last_and_may_reset_the_device(self, f405_bench: Bench) -> None:
        plans = [
            plan(f405_bench, 1, Element(OPTION_BYTES, WRITE_PROTECT_SECTOR_1)),
            plan(f405_bench, 0, Element(FLASH, CODE)),
        ]
        with f405_bench.session() as session:
            assert not program(session, plans, will_reset=True).there
        assert [reason for reason, _ in f405_bench.departures] == [Reason.OPTION_BYTES]
        assert f405_bench.flash[: len(CODE)] == CODE
        f405_bench.port.configure()
        with f405_bench.session() as session:
            assert b"".join(session.read(OPTION_BYTES, 16)) == WRITE_PROTECT_SECTOR_1

    def test_reset_must_be_expected(self, f405_bench: Bench) -> None:
        with (
            f405_bench.session() as session,
            pytest.raises(DeviceResetError, match="--will-reset"),
        ):
            program(session, [plan(f405_bench, 1, Element(OPTION_BYTES, WRITE_PROTECT_SECTOR_1))])

    def test_reset_before_the_end_is_a_failure(self, f405_bench: Bench) -> None:
        plans = [
            plan(f405_bench, 1, Element(OPTION_BYTES, WRITE_PROTECT_SECTOR_1)),
            plan(f405_bench, 2, Element(OTP, b"1234")),
        ]
        with f405_bench.session() as session, pytest.raises(DeviceGoneError, match="0x1fffc000"):
            program(session, plans, will_reset=True)

    def test_losing_flash_is_never_expected(self, f405_bench: Bench) -> None:
        f405_bench.backend = Vanishing(f405_bench.port, lambda _request, data: data == CODE)
        with f405_bench.session() as session, pytest.raises(DeviceGoneError) as caught:
            program(session, [plan(f405_bench, 0, Element(FLASH, CODE))], will_reset=True)
        assert "--will-reset" not in str(caught.value)

    def test_memory_that_stays_is_verified(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            assert program(session, [plan(f405_bench, 2, Element(OTP, b"1234"))], will_reset=True).there
            with pytest.raises(VerifyError):
                program(session, [plan(f405_bench, 2, Element(OTP, b"4321"))])


class Recorder:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        steps: list[int] = []
        self.seen.append((label, total, steps))
        yield steps.append


def test_progress_adds_up(f405_bench: Bench) -> None:
    progress = Recorder()
    with f405_bench.session() as session:
        program(session, [plan(f405_bench, 0, Element(FLASH, CODE * 30))], track=progress.track)
    assert [label for label, _, _ in progress.seen] == ["comparing", "erasing", "writing", "verifying"]
    assert [sum(steps) for _, _, steps in progress.seen] == [total for _, total, _ in progress.seen]


def test_each_plan_selects_its_alternate(f405_bench: Bench) -> None:
    plans = [plan(f405_bench, 2, Element(OTP, b"1234")), plan(f405_bench, 0, Element(FLASH, CODE))]
    with f405_bench.session() as session:
        program(session, plans)
    selected = [
        transfer.setup.wValue
        for transfer in f405_bench.transfers
        if (transfer.setup.bmRequestType, transfer.setup.bRequest) == (0x01, 11)
    ]
    assert selected == [0, 0, 0, 2]


def test_padding_between_and_around(make_bench: MakeBench) -> None:
    bench = make_bench(load("stm32l152rc"))
    parts = [Element(FLASH + 256 + at, b"part") for at in (3, 20, 60, 64)]
    with bench.session() as session:
        assert program(session, [plan(bench, 0, *parts, align=32)]).verified
    expected = bytearray(256)
    for part in parts:
        offset = part.address - FLASH - 256
        expected[offset : offset + 4] = b"part"
    assert bench.flash[256:512] == expected


def test_flash_that_refuses_to_be_programmed_twice(make_bench: MakeBench, f405: Profile) -> None:
    bench = make_bench(variant(f405, "memory.flash", overwrite=Overwrite.PROG))
    with bench.session() as session:
        program(session, [plan(bench, 0, Element(FLASH, CODE))])
        program(session, [plan(bench, 0, Element(FLASH, CODE[::-1]))])
    assert bench.flash[: len(CODE)] == CODE[::-1]


@settings(max_examples=30)
@given(
    old=st.lists(st.integers(0, 3 * SECTOR // 4), min_size=1, max_size=4, unique=True),
    new=st.dictionaries(st.integers(0, 24), st.binary(min_size=1, max_size=2500), min_size=1, max_size=4),
    align=st.sampled_from([4, 8, 16]),
)
def test_flash_holds_the_data_and_what_other_pages_held(
    f405: Profile,
    tmp_path_factory: pytest.TempPathFactory,
    old: list[int],
    new: dict[int, bytes],
    align: int,
) -> None:
    """Anything may be in the flash before; afterwards it is that, the touched sectors blank, and the data."""
    elements = [Element(FLASH + place * 2531, data) for place, data in new.items()]
    expected = bytearray(b"\xff" * 8 * SECTOR)
    with bench(f405, tmp_path_factory.mktemp("flash") / "flash.img") as chip, chip.session() as session:
        for word in old:
            session.write(FLASH + 4 * word, b"old!")
            expected[4 * word : 4 * word + 4] = b"old!"
        planned = plan(chip, 0, *elements, align=align)
        for address, size in planned.pages:
            expected[address - FLASH : address - FLASH + size] = b"\xff" * size
        for element in elements:
            offset = element.address - FLASH
            expected[offset : offset + len(element.data)] = element.data
        assert program(session, [planned], care=CARELESS).verified
        assert chip.flash[: len(expected)] == expected
