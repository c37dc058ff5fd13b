"""The Python API against emulated chips."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dfu_emulator.bootloader import Reason
from dfu_emulator.profile import load
from dfu_host import (
    Device,
    DeviceResetError,
    EraseMode,
    FileError,
    HostError,
    NeighbourError,
    NoDeviceError,
    ReadProtectedError,
    UsageError,
    VerifyError,
    open_device,
)
from dfu_host.bus import find
from dfu_protocol import Erase, Request, State
from dfu_protocol.firmware_file import Element
from host_client.bench import FLASH, OPTION_BYTES, OTP, Bench, MakeBench

DATA = bytes(range(256)) * 20
SECTOR = 16 * 1024


@pytest.fixture
def device(f405_bench: Bench) -> Iterator[Device]:
    """An STM32F405, opened."""
    with open_device(backend=f405_bench.backend) as device:
        yield device


class TestOpening:
    def test_by_what_it_is(self, f405_bench: Bench) -> None:
        serial = find(backend=f405_bench.backend)[0].serial
        choices: list[dict[str, Any]] = [
            {"serial": serial},
            {"path": "1-1"},
            {"vendor": 0x0483, "product": 0xDF11},
            {"index": 0},
        ]
        for choice in choices:
            with open_device(**choice, backend=f405_bench.backend) as device:
                assert device.info.serial == serial

    def test_nothing_there(self, f405_bench: Bench) -> None:
        with pytest.raises(NoDeviceError, match="there is no device 1: 1 match"):
            open_device(index=1, backend=f405_bench.backend)
        with pytest.raises(NoDeviceError):
            open_device("another", backend=f405_bench.backend)

    def test_is_left_in_idle(self, f405_bench: Bench) -> None:
        with open_device(backend=f405_bench.backend) as device:
            device.session.set_address(FLASH)
            states = [f405_bench.state]
        assert [*states, f405_bench.state] == [State.DNLOAD_IDLE, State.DFU_IDLE]

    def test_is_left_in_idle_after_a_failure(self, f405_bench: Bench) -> None:
        with pytest.raises(ZeroDivisionError), open_device(backend=f405_bench.backend):
            _ = 1 // 0
        assert f405_bench.state is State.DFU_IDLE

    def test_may_be_gone_at_the_end(self, f405_bench: Bench) -> None:
        with open_device(backend=f405_bench.backend):
            f405_bench.port.unplug()


def test_memories(device: Device) -> None:
    names = ["Internal Flash", "Option Bytes", "OTP Memory", "Device Feature"]
    assert [memory.name for memory in device.memories] == names
    otp = device.memory_at(OTP)
    assert otp
    assert otp.number == 2
    assert device.memory_at(0x40000000) is None


class TestReadingAndWriting:
    def test_round_trip_with_progress(self, f405_bench: Bench, device: Device) -> None:
        seen: list[tuple[str, int, int]] = []
        outcome = device.write(FLASH + 8, DATA, progress=lambda *now: seen.append(now))
        assert (outcome.erased, outcome.written, outcome.verified, outcome.there) == (
            SECTOR,
            len(DATA),
            True,
            True,
        )
        assert device.read(FLASH + 8, len(DATA), progress=lambda *now: seen.append(now)) == DATA
        phases = list(dict.fromkeys(phase for phase, _, _ in seen))
        assert phases == ["comparing", "erasing", "writing", "verifying", "reading"]
        for phase in phases:
            counts = [(done, total) for name, done, total in seen if name == phase]
            assert counts[0][0] == 0
            assert counts[-1][0] == counts[-1][1]
        assert f405_bench.flash[8 : 8 + len(DATA)] == DATA

    def test_several_addresses_in_one_go(self, f405_bench: Bench, device: Device) -> None:
        device.write_all([Element(OTP, b"once"), Element(FLASH, b"1234"), Element(FLASH + 64, b"5678")])
        assert f405_bench.flash[:68] == b"1234" + b"\xff" * 60 + b"5678"
        assert device.read(OTP, 4) == b"once"
        assert f405_bench.commands(Erase) == [Erase(FLASH)]

    def test_verify(self, device: Device) -> None:
        device.write(FLASH, DATA)
        device.verify(FLASH, DATA)
        with pytest.raises(VerifyError) as caught:
            device.verify(FLASH, DATA[:3000] + b"?" + DATA[3001:])
        assert caught.value.address == FLASH + 3000

    def test_without_verification(self, f405_bench: Bench, device: Device) -> None:
        assert not device.write(FLASH, DATA[:SECTOR], erase=EraseMode.NONE, verify=False, align=4).verified
        assert f405_bench.requests(Request.UPLOAD) == []

    @pytest.mark.parametrize("mode", [EraseMode.PAGES, EraseMode.NONE])
    def test_nothing_to_write(self, f405_bench: Bench, device: Device, mode: EraseMode) -> None:
        stages: list[str] = []
        outcome = device.write(FLASH, b"", erase=mode, progress=lambda stage, *_: stages.append(stage))
        assert (outcome.written, stages, f405_bench.commands(Erase)) == (0, [], [])

    def test_system_memory_is_in_no_layout_and_can_be_read(self, device: Device) -> None:
        assert len(device.read(0x1FFF0000, 64)) == 64

    def test_places_that_make_no_sense(self, device: Device) -> None:
        with pytest.raises(UsageError, match="0x40000000 is in no memory of the device, which has 0"):
            device.write(0x40000000, DATA)
        with pytest.raises(FileError, match="does not fit"):
            device.write(FLASH + 2**20 - 4, DATA)
        with pytest.raises(UsageError, match="go page by page"):
            device.write(FLASH, DATA, erase=EraseMode.MASS, diff=True)
        with pytest.raises(UsageError, match="align is 24, which is no power of two"):
            device.write(FLASH, DATA, align=24)
        with pytest.raises(UsageError, match="-1 is no number of bytes to read"):
            device.read(FLASH, -1)
        with pytest.raises(UsageError, match="0 is no number of bytes to erase"):
            device.erase(FLASH, 0)

    @pytest.mark.parametrize("name", ["page", "PAGES"])
    def test_a_way_of_erasing_that_there_is_not(self, f405_bench: Bench, device: Device, name: str) -> None:
        with pytest.raises(ValueError, match=name):
            device.write(FLASH, DATA, erase=name)  # type: ignore[arg-type]
        assert f405_bench.requests(Request.DNLOAD) == []

    def test_option_bytes(self, device: Device) -> None:
        now = device.read(OPTION_BYTES, 16)
        with pytest.raises(DeviceResetError, match="will_reset=True"):
            device.write(OPTION_BYTES, now)

    def test_option_bytes_that_reset_as_expected(self, device: Device) -> None:
        assert not device.write(OPTION_BYTES, device.read(OPTION_BYTES, 16), will_reset=True).there


class TestWhatCannotBe:
    """It is told before anything is touched."""

    @pytest.mark.parametrize("data", [[1, 2, 3], None, "text", 5])
    def test_data_that_is_not_bytes(self, f405_bench: Bench, device: Device, data: Any) -> None:
        for act in (
            lambda: device.write(FLASH, data),
            lambda: device.write_all([Element(FLASH, b"good"), Element(FLASH + SECTOR, data)]),
            lambda: device.verify(FLASH, data),
        ):
            with pytest.raises(TypeError, match=f"data is {type(data).__name__}, and should be bytes"):
                act()
        assert f405_bench.requests(Request.DNLOAD) == []

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_other_kinds_of_bytes(self, f405_bench: Bench, device: Device, kind: Any) -> None:
        device.write(FLASH, kind(DATA))
        device.verify(FLASH, kind(DATA))
        assert f405_bench.flash.startswith(DATA)

    def test_a_read_past_the_end(self, f405_bench: Bench, device: Device) -> None:
        for act in (
            lambda: device.read(FLASH + SECTOR, 2**20),
            lambda: device.verify(FLASH + 2**20 - 4, b"12345"),
        ):
            with pytest.raises(UsageError, match="are too many: the memory ends at 0x080fffff"):
                act()
        assert f405_bench.requests(Request.DNLOAD) == []
        assert len(device.read(FLASH + 2**20 - 4, 4)) == 4

    def test_a_device_that_is_closed(self, f405_bench: Bench, device: Device) -> None:
        device.close()
        f405_bench.transfers.clear()
        for act in (lambda: device.read(FLASH, 4), lambda: device.write(FLASH, DATA), device.mass_erase):
            with pytest.raises(UsageError, match="the device has been closed: open it again"):
                act()
        device.close()
        assert f405_bench.transfers == []

    def test_messages_speak_of_python(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH + 64, b"keep")
        with pytest.raises(NeighbourError, match="preserve=True writes it back") as caught:
            device.write(FLASH, b"new!")
        with pytest.raises(NoDeviceError) as nothing:
            open_device("another", backend=f405_bench.backend)
        assert "--" not in f"{caught.value}{nothing.value}"


class TestErasing:
    def test_pages(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, bytes(3 * SECTOR))
        device.erase(FLASH + SECTOR, 1)
        assert f405_bench.flash[: 3 * SECTOR] == bytes(SECTOR) + b"\xff" * SECTOR + bytes(SECTOR)

    def test_everything(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, DATA)
        device.mass_erase()
        assert set(f405_bench.flash) == {0xFF}

    def test_a_neighbour_is_in_the_way(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH + 64, b"keep")
        with pytest.raises(NeighbourError, match=r"0x08000040\.\.0x08000043") as caught:
            device.write(FLASH, b"new!")
        assert caught.value.extents == ((FLASH + 64, FLASH + 68),)
        assert f405_bench.flash[64:68] == b"keep"


class TestLeaving:
    def test_at_the_start_of_the_flash(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH + SECTOR, DATA)
        device.leave()
        assert f405_bench.departures == [(Reason.LEAVE, FLASH)]

    def test_anywhere(self, f405_bench: Bench, device: Device) -> None:
        device.leave(FLASH + SECTOR)
        assert f405_bench.departures == [(Reason.LEAVE, FLASH + SECTOR)]


class TestReadProtection:
    def test_is_recognised_and_explained(self, make_bench: MakeBench) -> None:
        bench = make_bench(rdp=1)
        with open_device(backend=bench.backend) as device:
            for act in (lambda: device.read(FLASH, 64), lambda: device.write(FLASH, DATA)):
                with pytest.raises(ReadProtectedError, match="read protected\\); lift it with"):
                    act()

    def test_is_lifted(self, make_bench: MakeBench) -> None:
        bench = make_bench(rdp=1)
        with open_device(backend=bench.backend) as device:
            device.unprotect()
        with open_device(backend=bench.backend) as device:
            assert device.read(FLASH, 64) == b"\xff" * 64


def test_a_chip_that_erases_to_zero(make_bench: MakeBench) -> None:
    bench = make_bench(load("stm32l083"))
    with open_device(backend=bench.backend) as device:
        device.write(FLASH + 3, DATA)
        device.write(FLASH + 64 * 128, DATA)
        assert device.read(FLASH, len(DATA) + 64) == bytes(3) + DATA + bytes(61)


def test_a_device_of_which_no_size_is_known(f405_bench: Bench) -> None:
    (found,) = find(backend=f405_bench.backend)
    with pytest.raises(HostError, match="wTransferSize"):
        Device(replace(found, functional=None))
