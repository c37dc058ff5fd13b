"""PyUSB and a whole program on top of it, against the in-process backend."""

import errno
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any
from zlib import crc32

import pytest
import usb.core
import usb.util
from msgspec.structs import replace

from dfu_emulator.advice import Adviser
from dfu_emulator.emulation import emulated
from dfu_emulator.port import GivenUp, Port, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Detach, LoneFunctional
from dfu_emulator.timing import ManualClock
from dfu_emulator.transports.inprocess import Backend
from dfu_protocol import Request, SetupPacket
from emulator.host import FLASH, Host, Plug, variant

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS = 1, 2, 3, 4
ERASE = b"\x41\x00\x00\x00\x08"
Run = Callable[..., str]
PYDFUUTIL = importlib.import_module("pydfuutil.__main__")

LIBUSB_ERROR_NO_DEVICE, LIBUSB_ERROR_TIMEOUT, LIBUSB_ERROR_PIPE = -4, -7, -9


def find(*ports: Port, **wanted: Any) -> Any:
    return usb.core.find(backend=Backend(*ports), **wanted)


def get_status(device: Any, timeout: int | None = None) -> bytes:
    return bytes(device.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6, timeout))


def send(device: Any, block: int, data: bytes) -> int:
    sent: int = device.ctrl_transfer(0x21, DNLOAD, block, 0, data)
    return sent


@pytest.fixture
def port(host: Host) -> Port:
    return host.port


class TestFinding:
    def test_the_device(self, port: Port) -> None:
        device = find(port, idVendor=0x0483, idProduct=0xDF11)
        assert (device.bcdUSB, device.bDeviceClass, device.bMaxPacketSize0) == (0x0100, 0, 64)
        assert (device.bus, device.address, device.speed) == (1, port.address, usb.util.SPEED_FULL)
        assert device.bNumConfigurations == 1

    def test_not_what_is_not_there(self, port: Port) -> None:
        assert find(port, idVendor=0x0483, idProduct=0x3748) is None
        assert find() is None

    def test_all_of_several_ports(self, plug: Plug) -> None:
        ports = [plug(serial=f"CHIP {number}").port for number in range(3)]
        devices = list(find(*ports, find_all=True))
        assert [device.serial_number for device in devices] == ["CHIP 0", "CHIP 1", "CHIP 2"]
        assert len({device.port_numbers for device in devices}) == 3

    def test_none_that_has_left(self, plug: Plug) -> None:
        gone, there = plug(rdp=2, serial="GONE"), plug(serial="THERE")
        assert [device.serial_number for device in find(gone.port, there.port, find_all=True)] == ["THERE"]

    def test_strings(self, port: Port) -> None:
        device = find(port)
        assert device.langids == (0x0409,)
        assert device.manufacturer == "STMicroelectronics"
        assert device.product == "STM32  BOOTLOADER"
        assert device.serial_number == "325E35633334"

    def test_alternate_settings(self, port: Port) -> None:
        device = find(port)
        (configuration,) = device
        assert (configuration.bConfigurationValue, configuration.wTotalLength) == (1, 54)
        assert (configuration.bmAttributes, configuration.bMaxPower) == (0xC0, 50)
        settings = list(configuration)
        kinds = {(s.bInterfaceClass, s.bInterfaceSubClass, s.bInterfaceProtocol) for s in settings}
        assert kinds == {(0xFE, 1, 2)}
        assert [setting.bAlternateSetting for setting in settings] == [0, 1, 2, 3]
        assert [setting.bNumEndpoints for setting in settings] == [0] * 4
        assert [usb.util.get_string(device, setting.iInterface) for setting in settings] == [
            "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
            "@Option Bytes  /0x1FFFC000/01*016 e",
            "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
            "@Device Feature/0xFFFF0000/01*004 e",
        ]

    def test_the_functional_descriptor_follows_the_last_of_them(self, port: Port) -> None:
        extra = [bytes(setting.extra_descriptors) for setting in find(port)[0]]
        assert extra == [b"", b"", b"", bytes.fromhex("09 21 0B FF 00 00 08 1A 01")]

    def test_it_is_configured_as_by_an_operating_system(self, f405: Profile) -> None:
        with emulated(f405, clock=ManualClock()) as port:
            device = find(port)
            assert device.get_active_configuration().bConfigurationValue == 1
            assert get_status(device) == bytes.fromhex("0A 000000 0A 00")


class TestTransfers:
    def test_in_and_out(self, port: Port) -> None:
        device = find(port)
        assert send(device, 2, b"data") == 4
        assert get_status(device) == bytes.fromhex("00 000000 04 00")
        assert get_status(device) == bytes.fromhex("00 000000 05 00")
        assert device.ctrl_transfer(0x21, 6) == 0
        assert bytes(device.ctrl_transfer(0xA1, UPLOAD, 2, 0, 8)) == b"data" + b"\xff" * 4

    def test_a_short_answer_is_short(self, port: Port) -> None:
        assert bytes(find(port).ctrl_transfer(0xA1, UPLOAD, 0, 0, 64)) == b"\x00\x21\x41\x92"

    @pytest.mark.parametrize(
        "request_",
        [(0xA1, UPLOAD, 1, 0, 64), (0x21, DNLOAD, 1, 0, b"data"), (0x21, 99), (0x80, 6, 0x0600, 0, 10)],
    )
    def test_a_stall(self, port: Port, request_: tuple[Any, ...]) -> None:
        device = find(port)
        with pytest.raises(usb.core.USBError) as error:
            device.ctrl_transfer(*request_)
        assert not isinstance(error.value, usb.core.USBTimeoutError)
        assert (
            (error.value.errno, error.value.backend_error_code)
            == (errno.EPIPE, LIBUSB_ERROR_PIPE)
            == (32, -9)
        )
        assert errno.EPIPE == 32
        assert get_status(device)

    def test_alternate_settings_by_pyusb(self, port: Port) -> None:
        device = find(port)
        device.set_interface_altsetting(0, 2)
        assert port.device.alternate_setting == 2
        assert device.ctrl_transfer(0x81, 10, 0, 0, 1)[0] == 2
        with pytest.raises(usb.core.USBError):
            device.ctrl_transfer(0x01, 11, 4, 0)
        assert port.device.alternate_setting == 2

    def test_another_program_that_looks_for_devices_changes_nothing(self, port: Port) -> None:
        device = find(port)
        device.set_interface_altsetting(0, 2)
        assert find(port).address == device.address
        assert port.device.alternate_setting == 2

    def test_set_configuration_by_pyusb(self, port: Port) -> None:
        device = find(port)
        device.set_interface_altsetting(0, 2)
        device.set_configuration()
        assert (port.device.configuration, port.device.alternate_setting) == (1, 0)

    def test_what_a_program_does_to_a_kernel_driver_is_harmless(self, port: Port) -> None:
        device = find(port)
        assert device.is_kernel_driver_active(0) is False
        usb.util.claim_interface(device, 0)
        usb.util.release_interface(device, 0)
        assert get_status(device)

    def test_bus_reset(self, port: Port) -> None:
        device = find(port)
        device.set_interface_altsetting(0, 3)
        device.ctrl_transfer(0xA1, UPLOAD, 2, 0, 16)
        device.reset()
        assert port.device.alternate_setting == 3
        assert port.device.configuration == 1
        assert get_status(device) == bytes.fromhex("00 000000 02 00")


class TestGone:
    def leave(self, device: Any) -> None:
        send(device, 0, b"")
        assert get_status(device)[4] == 7

    @pytest.mark.parametrize(
        "act",
        [
            get_status,
            lambda device: send(device, 0, ERASE),
            lambda device: device.reset(),
            lambda device: device.set_interface_altsetting(0, 0),
            lambda device: device.ctrl_transfer(0x80, 6, 0x0302, 0x0409, 64),
        ],
        ids=["GETSTATUS", "DNLOAD", "reset", "SET_INTERFACE", "a string"],
    )
    def test_every_request_fails(self, plug: Plug, act: Callable[[Any], object]) -> None:
        device = find(plug(boot0=False).idle().port)
        device.set_interface_altsetting(0, 0)
        self.leave(device)
        with pytest.raises(usb.core.USBError) as error:
            act(device)
        assert (error.value.errno, error.value.backend_error_code) == (errno.ENODEV, LIBUSB_ERROR_NO_DEVICE)
        assert errno.ENODEV == 19

    def test_it_cannot_be_opened_or_found_any_more(self, plug: Plug) -> None:
        port = plug(boot0=False).idle().port
        device, unopened = find(port), find(port)
        self.leave(device)
        assert find(port) is None
        with pytest.raises(usb.core.USBError) as error:
            get_status(unopened)
        assert error.value.errno == errno.ENODEV

    def test_one_that_comes_back_has_a_new_address(self, port: Port) -> None:
        before = find(port)
        self.leave(before)
        after = find(port)
        assert after.address == before.address + 1
        assert get_status(after) == bytes.fromhex("0A 000000 0A 00")
        with pytest.raises(usb.core.USBError) as error:
            get_status(before)
        assert error.value.errno == errno.ENODEV

    def test_one_that_comes_back_later_is_found_then(self, plug: Plug) -> None:
        host = plug(timing="real").idle()
        self.leave(find(host.port))
        assert find(host.port) is None
        host.clock.sleep(249_999)
        assert find(host.port) is None
        host.clock.sleep(1)
        assert find(host.port) is not None

    def test_dfu_detach(self, f405: Profile, plug: Plug) -> None:
        port = plug(variant(f405, "bootloader", detach=Detach.REENUMERATE)).idle().port
        before = find(port)
        assert before.ctrl_transfer(0x21, 0, 1000, 0) == 0
        assert find(port).address == before.address + 1


class TestSilence:
    """A request that the chip never answers."""

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug) -> Host:
        return plug(variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)).idle()

    @pytest.mark.parametrize("timeout", [1, 1000, 60_000])
    def test_the_host_has_its_time_out_and_goes_on(self, host: Host, timeout: int) -> None:
        device = find(host.port)
        with pytest.raises(usb.core.USBTimeoutError) as error:
            device.ctrl_transfer(0x81, 6, 0x2100, 0, 9, timeout)
        assert (error.value.errno, error.value.backend_error_code) == (errno.ETIMEDOUT, LIBUSB_ERROR_TIMEOUT)
        assert host.clock.now() == timeout * 1000
        assert get_status(device) == bytes.fromhex("00 000000 02 00")
        assert send(device, 2, b"data") == 4


class TestTimeouts:
    """An erase holds the GETSTATUS after the one that starts it for 400 ms."""

    @pytest.fixture
    def host(self, plug: Plug) -> Host:
        return plug(timing="real").idle()

    @pytest.fixture
    def busy(self, host: Host) -> Any:
        device = find(host.port)
        send(device, 0, ERASE)
        assert get_status(device) == bytes.fromhex("00 640000 04 00")
        return device

    @pytest.mark.parametrize("timeout", [0, 400, 401, 5000])
    def test_a_patient_host_gets_its_answer(self, host: Host, busy: Any, timeout: int) -> None:
        assert get_status(busy, timeout) == bytes.fromhex("00 000000 05 00")
        assert host.clock.now() == 400_000

    @pytest.mark.parametrize("timeout", [1, 100, 399])
    def test_an_impatient_host_has_its_time_out(self, host: Host, busy: Any, timeout: int) -> None:
        with pytest.raises(usb.core.USBTimeoutError) as error:
            get_status(busy, timeout)
        assert (error.value.errno, error.value.backend_error_code) == (errno.ETIMEDOUT, LIBUSB_ERROR_TIMEOUT)
        assert host.clock.now() == timeout * 1000

    def test_the_port_hears_of_a_time_out(self, host: Host, busy: Any) -> None:
        seen: list[object] = []
        host.port.watch(seen.append)
        with pytest.raises(usb.core.USBTimeoutError):
            get_status(busy, 100)
        assert seen == [GivenUp(100_000, SetupPacket.dfu(Request.GETSTATUS, 0, 6), 0, reached=False)]

    def test_the_port_hears_when_a_request_was_sent(self, host: Host, busy: Any) -> None:
        seen: list[object] = []
        host.port.watch(seen.append)
        get_status(busy)
        assert [(item.sent, item.at) for item in seen if isinstance(item, Transfer)] == [(0, 400_000)]

    def test_after_a_time_out_it_goes_on(self, busy: Any) -> None:
        with pytest.raises(usb.core.USBTimeoutError):
            get_status(busy, 100)
        assert get_status(busy, 1000) == bytes.fromhex("00 000000 05 00")

    def test_pyusbs_default_of_a_second_is_too_short_for_a_mass_erase(self, host: Host) -> None:
        device = find(host.port)
        send(device, 0, b"\x41")
        get_status(device)
        with pytest.raises(usb.core.USBTimeoutError):
            get_status(device)
        assert host.clock.now() == 1_000_000


def suffixed(data: bytes) -> bytes:
    """``data`` as a DFU file (DFU 1.1, appendix B); without its suffix pydfuutil warns."""
    data += pack("<HHHH3sB", 0xFFFF, 0xDF11, 0x0483, 0x0100, b"UFD", 16)
    return data + pack("<I", crc32(data) ^ 0xFFFFFFFF)


class TestPydfuutil:
    """A dfu-util in Python, which knows nothing of this project."""

    @pytest.fixture
    def run(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
        def run(port: Port, *arguments: str) -> str:
            program = importlib.reload(PYDFUUTIL)  # a second main() needs its options as they were
            monkeypatch.setattr(program, "DEFAULT_BACKEND", Backend(port))
            monkeypatch.setattr(sys, "argv", ["pydfuutil", *arguments])
            program.DfuUtil.dfu_root = None
            with pytest.raises(SystemExit) as exit_:
                program.main()
            assert exit_.value.code == 0
            return capsys.readouterr().out

        return run

    @pytest.fixture
    def port(self, f405: Profile, plug: Plug) -> Port:
        """With the flash alone: of more alternate settings pydfuutil thinks that they are devices."""
        return plug(replace(f405, alternates=f405.alternates[:1])).port

    def test_list(self, plug: Plug, run: Run) -> None:
        port = plug().port
        # Each is listed once for every alternate setting.
        lines = sorted({line for line in run(port, "-l").splitlines() if line.startswith("Found DFU")})
        expected = [
            "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
            "@Option Bytes  /0x1FFFC000/01*016 e",
            "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
            "@Device Feature/0xFFFF0000/01*004 e",
        ]
        assert len(lines) == 4
        for alternate, (name, line) in enumerate(zip(expected, lines, strict=True)):
            assert "[0483:df11]" in line
            assert f'alt={alternate}, name="{name}"' in line
            assert 'serial="325E35633334"' in line
            assert f"devnum={port.address}" in line

    def test_download_then_upload(self, port: Port, run: Run, tmp_path: Path) -> None:
        firmware = bytes(number * 7 % 256 for number in range(20 * 1024 + 4))
        source, copy = tmp_path / "firmware.bin", tmp_path / "copy.bin"
        source.write_bytes(suffixed(firmware))
        run(port, "-a", "0", "-s", "0x08004000", "-D", str(source))
        flash = port.device.bootloader.chip.flash
        assert flash.read(FLASH + 0x4000, len(firmware)) == firmware
        assert flash.read(FLASH, 0x4000) == b"\xff" * 0x4000
        run(port, "-a", "0", "-s", f"0x08004000:{len(firmware)}", "-U", str(copy))
        assert copy.read_bytes() == firmware

    def test_upload_of_the_first_segment_of_the_layout(self, port: Port, run: Run, tmp_path: Path) -> None:
        port.device.bootloader.chip.flash.write(FLASH + 0xFFFC, b"last")
        copy = tmp_path / "copy.bin"
        run(port, "-a", "0", "-s", "0x08000000", "-U", str(copy))
        assert copy.read_bytes() == b"\xff" * 0xFFFC + b"last"

    def test_download_over_old_firmware(self, port: Port, run: Run, tmp_path: Path) -> None:
        flash = port.device.bootloader.chip.flash
        flash.write(FLASH, bytes(2048))
        source = tmp_path / "firmware.bin"
        source.write_bytes(suffixed(b"new firmware" * 100))
        run(port, "-a", "0", "-s", "0x08000000", "-D", str(source))
        assert flash.read(FLASH, 2048) == b"new firmware" * 100 + b"\xff" * 848

    def test_leave(self, port: Port, run: Run, tmp_path: Path) -> None:
        source = tmp_path / "firmware.bin"
        source.write_bytes(suffixed(bytes.fromhex("00 00 02 20 01 02 00 08") + b"\xbf" * 100))
        run(port, "-a", "0", "-s", "0x08000000:leave", "-D", str(source))
        assert not port.attached

    def test_it_gets_no_advice(self, port: Port, run: Run, tmp_path: Path) -> None:
        source, copy = tmp_path / "firmware.bin", tmp_path / "copy.bin"
        source.write_bytes(suffixed(bytes.fromhex("00 00 02 20 01 02 00 08") + b"\xbf" * 5000))
        with Adviser(port) as adviser:
            run(port, "-a", "0", "-s", "0x08000000", "-D", str(source))
            run(port, "-a", "0", "-s", "0x08000000:5008", "-U", str(copy))
            run(port, "-a", "0", "-s", "0x08000000:leave", "-D", str(source))
        assert adviser.requests > 20
        assert adviser.findings == {}
