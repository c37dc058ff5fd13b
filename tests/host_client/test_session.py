"""The DfuSe protocol against ROMs of every kind."""

from collections.abc import Callable
from typing import Any

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import (
    AbortInError,
    BlockSize,
    BusyModel,
    ClrStatus,
    FirstContact,
    Rdp1,
)
from dfu_emulator.transports.inprocess import Backend
from dfu_host.errors import (
    DeviceGoneError,
    DeviceResetError,
    DeviceTimeoutError,
    RefusedError,
)
from dfu_host.session import Session
from dfu_protocol import Erase, MassErase, Request, SetAddress, State, Status, StatusReply
from emulator.host import variant
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench, Vanishing

DATA = bytes(range(256)) * 20
SECTOR = 16 * 1024
LATE_SECTORS = 0x08020000


def to_busy(bench: Bench) -> None:
    bench.send(Request.DNLOAD, data=SetAddress(FLASH).build())
    bench.send(Request.GETSTATUS, length=6)


def to_download_idle(bench: Bench) -> None:
    to_busy(bench)
    bench.send(Request.GETSTATUS, length=6)


LEFTOVERS: dict[State, Callable[[Bench], None]] = {
    State.DFU_IDLE: lambda bench: bench.send(Request.CLRSTATUS),
    State.DNLOAD_SYNC: lambda bench: bench.send(Request.DNLOAD, data=MassErase().build()),
    State.DNBUSY: to_busy,
    State.DNLOAD_IDLE: to_download_idle,
    State.MANIFEST_SYNC: lambda bench: bench.send(Request.DNLOAD, block=2),
    State.UPLOAD_IDLE: lambda bench: bench.send(Request.UPLOAD, block=2, length=64),
    State.ERROR: lambda bench: bench.send(Request.UPLOAD, block=1, length=64),
}


@pytest.fixture(
    params=[(c, a) for c in ClrStatus for a in AbortInError], ids=lambda p: f"{p[0].value}-{p[1].value}"
)
def any_rom(request: pytest.FixtureRequest, f405: Profile) -> Profile:
    """ROMs that differ in what CLRSTATUS and ABORT do where they are not wanted."""
    clrstatus, abort = request.param
    return variant(f405, "bootloader", clrstatus=clrstatus, abort_in_error=abort)


class TestToIdle:
    @pytest.mark.parametrize("leftover", LEFTOVERS, ids=lambda state: state.label)
    def test_from_every_state(self, any_rom: Profile, make_bench: MakeBench, leftover: State) -> None:
        bench = make_bench(variant(any_rom, "bootloader", first_contact=FirstContact.IDLE))
        if leftover is not State.DFU_IDLE:
            LEFTOVERS[leftover](bench)
        assert bench.state is leftover
        with bench.session() as session:
            session.to_idle()
        assert bench.state is State.DFU_IDLE
        assert bench.port.device.bootloader.status is Status.OK
        assert bench.port.attached

    def test_from_first_contact(self, f405_bench: Bench) -> None:
        assert f405_bench.state is State.ERROR
        with f405_bench.session() as session:
            assert session.condition() == (State.ERROR, Status.FIRMWARE)
            session.to_idle()
            assert session.condition() == (State.DFU_IDLE, Status.OK)

    @pytest.mark.parametrize("leftover", [State.DNLOAD_SYNC, State.MANIFEST_SYNC])
    def test_does_not_start_what_was_left_waiting(
        self, make_bench: MakeBench, f405: Profile, leftover: State
    ) -> None:
        bench = make_bench(variant(f405, "bootloader", first_contact=FirstContact.IDLE))
        LEFTOVERS[leftover](bench)
        with bench.session() as session:
            assert session.condition() == (leftover, None)
            session.to_idle()
        assert not bench.requests(Request.GETSTATUS)

    def test_waits_for_a_job_that_runs(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(variant(f405, "bootloader", busy=BusyModel.POLL), timing="real")
        bench.send(Request.CLRSTATUS)
        bench.send(Request.DNLOAD, data=MassErase().build())
        bench.send(Request.GETSTATUS, length=6)
        with bench.session() as session:
            session.to_idle()
        assert bench.state is State.DFU_IDLE
        assert bench.clock.now() > 8_000_000

    def test_gives_up_on_what_cannot_be_cleared(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(
            variant(f405, "bootloader", busy=BusyModel.POLL, wedge_from=0, clrstatus=ClrStatus.IGNORE)
        )
        bench.send(Request.CLRSTATUS)
        bench.send(Request.DNLOAD, data=Erase(FLASH).build())
        bench.send(Request.GETSTATUS, length=6)
        with bench.session() as session, pytest.raises(DeviceTimeoutError, match="stays in dfuDNBUSY"):
            session.to_idle()


class TestReadAndWrite:
    @pytest.mark.parametrize("length", [1, 2, 64, 2047, 2048, 2049, 4096, 5000])
    def test_read(self, f405_bench: Bench, length: int) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, DATA)
            session.write(FLASH + 5120, bytes(80))
            blocks = list(session.read(FLASH + 4, length))
        assert b"".join(blocks) == (DATA + bytes(80))[4 : 4 + length]
        assert all(len(block) == 2048 for block in blocks[:-1])
        assert f405_bench.state is State.DFU_IDLE

    @pytest.mark.parametrize("length", [4, 2048, 2052, 4096, 5000])
    def test_write(self, f405_bench: Bench, length: int) -> None:
        done: list[int] = []
        with f405_bench.session() as session:
            session.write(FLASH + 8, DATA[:length], done.append)
        assert f405_bench.flash[: length + 16] == b"\xff" * 8 + DATA[:length] + b"\xff" * 8
        assert sum(done) == length

    @pytest.mark.parametrize("rule", BlockSize)
    @pytest.mark.parametrize("transfer_size", [64, 1024, 2048])
    def test_whatever_the_block_size(
        self, make_bench: MakeBench, f405: Profile, rule: BlockSize, transfer_size: int
    ) -> None:
        rom = variant(f405, "dfu", wTransferSize=transfer_size)
        bench = make_bench(variant(rom, "bootloader", block_size=rule))
        with bench.session() as session:
            session.write(FLASH, DATA[:5000])
            assert b"".join(session.read(FLASH + 12, 4321)) == DATA[12:4333]
        assert bench.flash[:5000] == DATA[:5000]

    def test_block_numbers_start_again_in_large_memories(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(variant(f405, "dfu", wTransferSize=8))
        at = FLASH + 8 * 65534
        with bench.session() as session:
            session.write(at - 8, DATA[:24])
            bench.transfers.clear()
            assert b"".join(session.read(FLASH, 8 * 65537))[-32:] == DATA[:24] + b"\xff" * 8
        assert bench.commands(SetAddress) == [SetAddress(FLASH), SetAddress(at)]
        assert max(transfer.setup.wValue for transfer in bench.requests(Request.UPLOAD)) == 0xFFFF

    def test_one_byte_is_asked_for_with_another(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            assert [len(block) for block in session.read(FLASH, 2049)] == [2048, 1]
        assert [transfer.setup.wLength for transfer in f405_bench.requests(Request.UPLOAD)] == [2048, 2]

    def test_a_read_that_is_given_up_leaves_a_usable_device(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, DATA)
            next(session.read(FLASH, len(DATA)))
            assert f405_bench.state is State.UPLOAD_IDLE
            assert b"".join(session.read(FLASH, 100)) == DATA[:100]

    def test_short_answer(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            blocks = session.read(FLASH + 0xFFFFC, 64)
            with pytest.raises(RefusedError, match="gave only 4 bytes: the device is in dfuIDLE"):
                next(blocks)


class TestErase:
    def test_page(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, DATA)
            session.write(FLASH + SECTOR, DATA)
            session.erase_page(FLASH + 100)
        assert f405_bench.flash[: SECTOR + len(DATA)] == b"\xff" * SECTOR + DATA
        assert f405_bench.commands(Erase) == [Erase(FLASH + 100)]

    def test_everything(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, DATA)
            session.write(LATE_SECTORS, DATA)
            session.mass_erase()
        assert set(f405_bench.flash) == {0xFF}


class TestRefusals:
    def test_stall_tells_state_status_and_remedy(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(variant(f405, "protection", set_address=Rdp1.ALLOW), rdp=1)
        with bench.session() as session, pytest.raises(RefusedError) as caught:
            list(session.read(FLASH, 4096))
        assert str(caught.value) == (
            "DFU_UPLOAD stalled while reading 2048 bytes at 0x08000000: the device is in dfuERROR"
            " (errVENDOR: the memory is read protected); lift it with 'dfu-host unprotect --yes',"
            " which erases the whole device"
        )
        assert (caught.value.request, caught.value.state, caught.value.status) == (
            Request.UPLOAD,
            State.ERROR,
            Status.VENDOR,
        )

    @pytest.mark.parametrize(
        ("act", "message"),
        [
            (lambda s: s.write(FLASH, DATA), "setting the address 0x08000000 failed: .*errVENDOR"),
            (lambda s: s.erase_page(FLASH), "erasing the page at 0x08000000 failed: .*errVENDOR"),
            (lambda s: s.mass_erase(), "erasing the whole flash failed: .*errVENDOR"),
        ],
    )
    def test_read_protection(
        self, make_bench: MakeBench, act: Callable[[Session], None], message: str
    ) -> None:
        with make_bench(rdp=1).session() as session, pytest.raises(RefusedError, match=message):
            act(session)

    @pytest.mark.parametrize(
        ("act", "message"),
        [
            (lambda s: s.set_address(0x40000000), "setting the address 0x40000000 failed: .*errTARGET.*info"),
            (lambda s: s.erase_page(0x1FFF7800), "erasing the page at 0x1fff7800 failed: .*errTARGET"),
            (lambda s: list(s.read(FLASH - 64, 64)), "setting the address 0x07ffffc0 failed: .*errTARGET"),
            (
                lambda s: s.write(FLASH + 0xFFFFC, bytes(8)),
                "writing 8 bytes at 0x080ffffc failed: .*errTARGET",
            ),
            (lambda s: s.write(FLASH + 2, bytes(4)), "writing 4 bytes at 0x08000002 failed"),
        ],
    )
    def test_wrong_places(self, f405_bench: Bench, act: Callable[[Session], None], message: str) -> None:
        with f405_bench.session() as session:
            with pytest.raises(RefusedError, match=message):
                act(session)
            session.to_idle()
            assert f405_bench.state is State.DFU_IDLE

    def test_blocks_that_are_too_large(self, make_bench: MakeBench, f405: Profile) -> None:
        bench = make_bench(variant(f405, "dfu", wTransferSize=1024))
        with bench.session() as session:
            oversized = Session(session._link, 2048, sleep=bench.sleep)
            with pytest.raises(RefusedError, match=r"DFU_DNLOAD stalled while writing.*errSTALLEDPKT.*again"):
                oversized.write(FLASH, DATA)


class TestDepartures:
    def test_leave_at_an_address(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.write(FLASH, DATA)
            session.leave(FLASH + 0x4000)
        assert f405_bench.departures == [(Reason.LEAVE, FLASH + 0x4000)]

    def test_leave_at_the_pointer(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.leave()
        assert f405_bench.commands(SetAddress) == []
        assert f405_bench.departures == [(Reason.LEAVE, FLASH)]

    def test_leave_where_the_status_gets_no_answer(self, f405_bench: Bench) -> None:
        f405_bench.backend = Vanishing(
            f405_bench.port, lambda request, data: request is Request.DNLOAD and not data
        )
        with f405_bench.session() as session:
            session.leave()

    def test_leave_that_fails(self, f405_bench: Bench) -> None:
        f405_bench.backend = NotDone(f405_bench.port)
        with f405_bench.session() as session, pytest.raises(RefusedError, match=r"leaving .*\(errNOTDONE"):
            session.leave()

    def test_leave_that_is_refused(self, make_bench: MakeBench) -> None:
        with make_bench(rdp=1).session() as session, pytest.raises(RefusedError, match="errVENDOR"):
            session.leave(FLASH)

    def test_read_unprotect(self, make_bench: MakeBench) -> None:
        bench = make_bench(rdp=1)
        with bench.session() as session:
            session.read_unprotect()
        assert [reason for reason, _ in bench.departures] == [Reason.READ_UNPROTECT]
        assert bench.port.attached
        bench.port.configure()
        with bench.session() as session:
            assert b"".join(session.read(FLASH, 64)) == b"\xff" * 64

    def test_read_unprotect_of_a_device_that_was_unplugged(self, make_bench: MakeBench) -> None:
        bench = make_bench(rdp=1)
        bench.backend = Vanishing(bench.port, lambda request, _data: request is Request.CLRSTATUS)
        with bench.session() as session, pytest.raises(DeviceGoneError):
            session.read_unprotect()

    def test_device_that_was_unplugged_has_not_reset(self, f405_bench: Bench) -> None:
        """Losing it on the way to a write must not look like the reset that follows one."""
        set_address = SetAddress(OPTION_BYTES).build()
        f405_bench.backend = Vanishing(f405_bench.port, lambda _request, data: data == set_address)
        with f405_bench.session() as session, pytest.raises(DeviceGoneError) as caught:
            session.write(OPTION_BYTES, bytes(16))
        assert type(caught.value) is DeviceGoneError

    def test_option_bytes(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            option_bytes = b"".join(session.read(OPTION_BYTES, 16))
            with pytest.raises(DeviceResetError, match="writing 16 bytes at 0x1fffc000"):
                session.write(OPTION_BYTES, option_bytes)

    def test_every_request_to_a_device_that_is_gone(self, f405_bench: Bench) -> None:
        with f405_bench.session() as session:
            session.leave()
            with pytest.raises(DeviceGoneError):
                session.to_idle()


class NotDone(Backend):
    """Answers every DFU_GETSTATUS with dfuERROR, errNOTDONE."""

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        data, _timeout = rest
        if bmRequestType == 0xA1 and bRequest == Request.GETSTATUS:
            data[:] = type(data)("B", StatusReply(Status.NOTDONE, 0, State.ERROR).build())
            return len(data)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


def test_commands(f405_bench: Bench) -> None:
    with f405_bench.session() as session:
        assert session.commands() == bytes([0x00, 0x21, 0x41, 0x92])
        session.write(FLASH, DATA)
        assert session.commands() == bytes([0x00, 0x21, 0x41, 0x92])


def test_select(f405_bench: Bench) -> None:
    with f405_bench.session() as session:
        session.select(2)
        assert f405_bench.port.device.alternate_setting == 2


def test_otp_is_read_like_any_memory(f405_bench: Bench) -> None:
    with f405_bench.session() as session:
        session.write(OTP, b"one time")
        assert b"".join(session.read(OTP, 10)) == b"one time\xff\xff"
