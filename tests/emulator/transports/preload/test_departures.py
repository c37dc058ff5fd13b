"""A device that leaves, and comes back under a new address."""

import errno

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_emulator.profile import load
from dfu_emulator.profile.model import Detach
from dfu_emulator.transports.preload import PreloadBus
from emulator.host import variant
from emulator.transports.preload.programs import Child, finish, start


def test_a_device_that_left_is_gone_for_those_who_had_it_open(child: Child, port: Port) -> None:
    seen = child(
        """
        device = find()
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x92]))
        answers = [getstatus(device)[4], number(getstatus, device)]
        node = os.open("/dev/bus/usb/001/003", os.O_RDWR)   # it is back, under a new address
        print(json.dumps(answers + [number(os.stat, NODE)]))
        """
    )
    busy = 4
    assert seen == [busy, errno.ENODEV, errno.ENOENT]
    assert port.address == 3


def test_libusb_hears_of_departure_and_return(child: Child) -> None:
    seen = child(
        """
        device = find()
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x92]))
        getstatus(device)
        limit = time.monotonic() + 20
        while (again := find()) is None or again.address == device.address:
            assert time.monotonic() < limit
        print(json.dumps([device.address, again.address, getstatus(again)[4]]))
        """
    )
    error = 10
    assert seen == [2, 3, error]


def test_an_old_handle_is_not_for_the_device_that_came_back(child: Child) -> None:
    """Not even for what the operating system answers by itself."""
    seen = child(
        """
        node = os.open(NODE, os.O_RDWR)
        device = find()
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x92]))
        getstatus(device)
        limit = time.monotonic() + 20
        while not os.path.exists("/dev/bus/usb/001/003"):
            assert time.monotonic() < limit
        call = lambda n: number(fcntl.ioctl, node, ord("U") << 8 | n, bytearray(8), True)
        print(json.dumps([call(n) for n in (26, 17, 15, 16, 20, 31)]))
        """
    )
    assert seen == [errno.ENODEV] * 6


def test_a_detach_during_an_erase_leaves_once_it_is_answered_and_comes_back() -> None:
    profile = variant(load("stm32f405"), "bootloader", detach=Detach.REENUMERATE)
    with emulated(profile, timing="real") as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                ask_for_erase(device)
                getstatus(device)
                device.ctrl_transfer(0x21, 0, 0, 0, None)
                limit = time.monotonic() + 20
                while (again := find()) is None or again.address == device.address:
                    assert time.monotonic() < limit
                print(json.dumps(getstatus(again)))
                """,
            )
        )
    assert seen == [0, 0, 0, 0, 2, 0]
