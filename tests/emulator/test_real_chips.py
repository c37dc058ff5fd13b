"""What kernels, ST's programmer and host tools' logs say of real chips, beside dfu-util's own output."""

from itertools import pairwise

import pytest
import usb.core
import usb.util

from dfu_emulator.emulation import emulated
from dfu_emulator.profile import load
from dfu_emulator.transports.inprocess import Backend
from dfu_protocol import Access, Request, State, Status, parse_layout
from emulator.host import Host, plugged

MS = 1000
H743_WEDGE = 0x08100000


def kernel_lines(device: usb.core.Device) -> list[str]:
    """How Linux announces a device in its log."""
    version = f"{device.bcdDevice >> 8:2x}.{device.bcdDevice & 0xFF:02x}"
    strings = (device.iManufacturer, device.iProduct, device.iSerialNumber)
    manufacturer, product, serial = (usb.util.get_string(device, index) for index in strings)
    return [
        f"New USB device found, idVendor={device.idVendor:04x}, idProduct={device.idProduct:04x}, "
        f"bcdDevice={version}",
        "New USB device strings: Mfr={}, Product={}, SerialNumber={}".format(*strings),
        f"Product: {product}",
        f"Manufacturer: {manufacturer}",
        f"SerialNumber: {serial}",
    ]


@pytest.mark.parametrize(
    ("chip", "version", "product", "serial"),
    [
        ("stm32f401re", "22.00", "STM32  BOOTLOADER", "337938943430"),
        ("stm32f446", "22.00", "STM32  BOOTLOADER", "STM32FxSTM32"),
        ("stm32h753zi", " 2.00", "DFU in FS Mode", "200000500000"),
        ("stm32l4r9", "22.00", "STM32  BOOTLOADER", "204A325D574D"),
        ("stm32u585", " 2.00", "DFU in FS Mode", "207136863530"),
    ],
)
def test_what_the_kernel_logs_of_a_real_chip(chip: str, version: str, product: str, serial: str) -> None:
    with emulated(load(chip), serial=serial) as port:
        device = usb.core.find(backend=Backend(port))
        assert kernel_lines(device) == [
            f"New USB device found, idVendor=0483, idProduct=df11, bcdDevice={version}",
            "New USB device strings: Mfr=1, Product=2, SerialNumber=3",
            f"Product: {product}",
            "Manufacturer: STMicroelectronics",
            f"SerialNumber: {serial}",
        ]


def test_areas_that_stm32cubeprogrammer_lists_of_an_stm32f405() -> None:
    """It numbers the segments of each alternate setting but the flash's."""
    with emulated(load("stm32f405"), serial="385C34733435") as port:
        device = usb.core.find(backend=Backend(port))
        settings = list(device[0])[1:]
        layouts = [parse_layout(usb.util.get_string(device, setting.iInterface)) for setting in settings]
        # "FW version : 0x011a": the functional descriptor's last two bytes.
        assert bytes(settings[-1].extra_descriptors[-2:]) == bytes.fromhex("1a01")
    access = {Access.READABLE | Access.WRITABLE: "RW"}
    assert [
        f"{layout.name.strip()} {number:04d} {segment.address:#010x} {segment.count * segment.size:04d} B "
        f"{access[segment.access]}"
        for layout in layouts
        for number, segment in enumerate(layout.segments)
    ] == [
        "Option Bytes 0000 0x1fffc000 0016 B RW",
        "OTP Memory 0000 0x1fff7800 0512 B RW",
        "OTP Memory 0001 0x1fff7a00 0016 B RW",
        "Device Feature 0000 0xffff0000 0004 B RW",
    ]


def erase_and_poll(host: Host, address: int, polls: int) -> list[tuple[int, State]]:
    """Start an erase; bwPollTimeout and bState of so many DFU_GETSTATUS, each of which is waited for."""
    host.dnload(0, b"\x41" + address.to_bytes(4, "little"))
    seen = []
    for _ in range(polls):
        status = host.get_status()
        assert status.bStatus is Status.OK
        seen.append((status.bwPollTimeout, status.bState))
        host.clock.sleep(status.bwPollTimeout * MS)
    return seen


class TestEraseOfAnH743:
    """Of revision V, as a dfu-util log and one of STM32CubeProgrammer show it."""

    def test_poll_timeouts(self) -> None:
        with plugged(load("stm32h743"), timing="real") as host:
            host.idle()
            assert erase_and_poll(host, 0x080E0000, 2) == [(1000, State.DNBUSY), (0, State.DNLOAD_IDLE)]
            assert erase_and_poll(host, H743_WEDGE, 40) == [(1000, State.DNBUSY)] * 40

    def test_two_clrstatus_free_it_and_the_sector_is_erased(self) -> None:
        with plugged(load("stm32h743"), timing="real") as host:
            host.idle()
            host.write(H743_WEDGE, bytes(32))
            erase_and_poll(host, H743_WEDGE, 4)
            told = []
            for _ in range(2):
                host.clear_status()
                told.append(host.get_status()[::2])
            assert told == [(Status.UNKNOWN, State.ERROR), (Status.OK, State.DFU_IDLE)]
            assert host.read(H743_WEDGE, 64) == b"\xff" * 64

    def test_older_silicon_has_no_trouble(self) -> None:
        with plugged(load("stm32h743", rom_version="rev Y"), timing="real") as host:
            host.idle()
            assert erase_and_poll(host, H743_WEDGE, 2) == [(1000, State.DNBUSY), (0, State.DNLOAD_IDLE)]

    def test_a_sector_below_takes_its_time_inside_the_first_getstatus(self) -> None:
        """0.9 s on the bus until the first answer, 1 ms until the second."""
        with plugged(load("stm32h743"), timing="real") as host:
            host.idle()
            host.upload(2, 64)
            assert host.get_state() is State.UPLOAD_IDLE
            host.abort()
            host.dnload(0, bytes.fromhex("4100000008"))
            moments, states = [host.clock.now()], []
            for _ in range(2):
                states.append(host.get_status().bState)
                moments.append(host.clock.now())
            assert states == [State.DNBUSY, State.DNLOAD_IDLE]
            first, second = (after - before for before, after in pairwise(moments))
            assert first == 1000 * MS
            assert second == 0

    def test_a_sector_above_is_answered_at_once(self) -> None:
        with plugged(load("stm32h743"), timing="real") as host:
            host.idle()
            host.dnload(0, bytes.fromhex("4100001008"))
            assert host.dfu(Request.GETSTATUS, length=6).hold == 0
            assert host.get_state() is State.DNBUSY
