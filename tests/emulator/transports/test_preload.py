"""The preload transport, against the installed libumockdev-preload and libusb."""

import errno
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port, Transfer
from dfu_emulator.profile import load
from dfu_emulator.profile.model import Detach, LoneFunctional
from dfu_emulator.transports.preload import PreloadBus, PreloadError
from dfu_protocol import Request, SetupPacket
from emulator.host import variant

Child = Callable[[str], object]
TIME_LIMIT = 60

PRELUDE = """
import fcntl, json, os, struct, sys, threading, time
import usb.core
NODE = "/dev/bus/usb/001/002"
PATIENCE = 30_000  # a busy machine may let a program wait
def find():
    for attempt in range(10):
        try:
            device = usb.core.find(idVendor=0x0483)
        except usb.core.NoBackendError:  # another program took the same name for its udev monitor
            time.sleep(0.1)
            continue
        if device is not None:
            device.default_timeout = PATIENCE
        return device
    raise usb.core.NoBackendError("libusb does not begin")
def getstatus(device, timeout=PATIENCE):
    return list(device.ctrl_transfer(0xA1, 3, 0, 0, 6, timeout))
def number(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0
"""


@pytest.fixture
def port() -> Iterator[Port]:
    with emulated("stm32f405") as plugged:
        yield plugged


@pytest.fixture
def bus(port: Port) -> Iterator[PreloadBus]:
    with PreloadBus(port) as open_bus:
        yield open_bus


def start(bus: PreloadBus, script: str) -> "subprocess.Popen[str]":
    code = PRELUDE + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code], env=bus.environment(), stdout=subprocess.PIPE, text=True
    )


def finish(process: "subprocess.Popen[str]") -> object:
    """What the script printed, as JSON."""
    output, _ = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 0
    return json.loads(output)


@pytest.fixture
def child(bus: PreloadBus) -> Child:
    """Runs a script that sees the device and prints its result as JSON."""
    return lambda script: finish(start(bus, script))


def test_the_whole_device_is_seen(child: Child) -> None:
    seen = child(
        """
        device = find()
        print(json.dumps([device.bcdUSB, device.bcdDevice, device.speed, device.port_numbers,
                          device.manufacturer, device.product, device.serial_number,
                          [interface.bAlternateSetting for interface in device[0]]]))
        """
    )
    full_speed = 2
    text = ["STMicroelectronics", "STM32  BOOTLOADER", "325E35633334"]
    assert seen == [0x0100, 0x2200, full_speed, [1], *text, [0, 1, 2, 3]]


def test_sysfs_has_what_the_kernel_would_show(child: Child) -> None:
    names = (
        "idVendor",
        "idProduct",
        "bcdDevice",
        "serial",
        "product",
        "speed",
        "version",
        "devnum",
        "busnum",
    )
    seen = child(
        f"""
        folder = "/sys/bus/usb/devices/1-1/"
        values = [open(folder + name).read().rstrip() for name in {names!r}]
        values.append(open(folder + "1-1:1.0/interface").read().rstrip())
        values.append(len(open(folder + "descriptors", "rb").read()))
        print(json.dumps(values))
        """
    )
    name = "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"
    numbers = ["12", " 1.00", "2", "1"]
    assert seen == ["0483", "df11", "2200", "325E35633334", "STM32  BOOTLOADER", *numbers, name, 18 + 54]


def test_the_node_can_be_read_and_stated(child: Child) -> None:
    seen = child(
        """
        import stat
        state = os.stat(NODE)
        with open(NODE, "rb", buffering=0) as node:
            print(json.dumps([stat.S_ISCHR(state.st_mode), os.major(state.st_rdev), os.minor(state.st_rdev),
                              node.read(100).hex()]))
        """
    )
    assert isinstance(seen, list)
    assert seen[:3] == [True, 189, 1]
    assert bytes.fromhex(seen[3])[:4] == bytes.fromhex("12010001")
    assert len(bytes.fromhex(seen[3])) == 18 + 54


# The ioctls of linux/usbdevice_fs.h, by number, with an argument and what to expect of them. This is what
# holds the private protocol between us and libumockdev-preload: each needs several of its messages.
IOCTLS = [
    ("GET_CAPABILITIES", 26, b"\xff" * 4, 0, b"\0" * 4),
    ("CONNECTINFO", 17, b"\xff" * 8, 0, b"\x02\0\0\0\0\0\0\0"),
    ("CLAIMINTERFACE 0", 15, b"\0" * 4, 0, b"\0" * 4),
    ("CLAIMINTERFACE 1", 15, b"\x01\0\0\0", errno.ENOENT, None),
    ("RELEASEINTERFACE, not claimed", 16, b"\0" * 4, errno.EINVAL, None),
    ("SETINTERFACE 0, 3", 4, b"\0\0\0\0\x03\0\0\0", 0, None),
    ("SETINTERFACE 0, 4", 4, b"\0\0\0\0\x04\0\0\0", errno.EINVAL, None),
    ("SETCONFIGURATION 1", 5, b"\x01\0\0\0", 0, None),
    ("SETCONFIGURATION 2", 5, b"\x02\0\0\0", errno.EINVAL, None),
    ("GETDRIVER", 8, b"\0" * 260, errno.ENODATA, None),
    ("IOCTL", 18, b"\0" * 16, errno.ENODATA, None),
    ("RESET", 20, b"", 0, None),
    ("CLEAR_HALT", 21, b"\0" * 4, 0, None),
    ("DISCARDURB of none", 11, b"\0" * 56, errno.EINVAL, None),
    ("REAPURBNDELAY of none", 13, b"\0" * 8, errno.EAGAIN, None),
    ("ALLOC_STREAMS, not supported", 28, b"\0" * 8, errno.ENOTTY, None),
]


@pytest.mark.parametrize(
    ("request_number", "argument", "error", "result"),
    [row[1:] for row in IOCTLS],
    ids=[row[0] for row in IOCTLS],
)
def test_ioctls(child: Child, request_number: int, argument: bytes, error: int, result: bytes | None) -> None:
    seen = child(
        f"""
        node = os.open(NODE, os.O_RDWR)
        buffer = bytearray({argument!r} or b"\\0")
        error = number(fcntl.ioctl, node, ord("U") << 8 | {request_number}, buffer, True)
        print(json.dumps([error, buffer.hex()]))
        """
    )
    assert isinstance(seen, list)
    assert seen[0] == error
    if result is not None:
        assert bytes.fromhex(seen[1]) == result


def test_an_ioctl_of_another_kind_is_not_taken(child: Child) -> None:
    assert (
        child("print(number(fcntl.ioctl, os.open(NODE, os.O_RDWR), 0x5401, bytearray(64)))") == errno.ENOTTY
    )


def test_get_speed_is_full_speed(child: Child) -> None:
    assert child("print(fcntl.ioctl(os.open(NODE, os.O_RDWR), ord('U') << 8 | 31))") == 2


@pytest.mark.parametrize(
    ("kind", "endpoint", "setup", "length", "error"),
    [
        (3, 0x81, b"", 64, errno.ENOENT),  # a bulk URB: there is no such endpoint
        (2, 0x00, b"\xa1\x03\0\0\0\0\x06\0", 7, errno.EINVAL),  # too short for a SETUP packet
        (2, 0x00, b"\xa1\x03\0\0\0\0\x06\0", 8, errno.EINVAL),  # no room for wLength
    ],
)
def test_malformed_urbs_are_refused(
    child: Child, kind: int, endpoint: int, setup: bytes, length: int, error: int
) -> None:
    seen = child(
        f"""
        import ctypes
        data = ctypes.create_string_buffer({setup!r}, 64)
        head = ({kind}, {endpoint}, 0, 0, ctypes.addressof(data), {length})
        urb = bytearray(struct.pack("@BBiIPiiiiiIP", *head, 0, 0, 0, 0, 0, 0))
        node = os.open(NODE, os.O_RDWR)
        print(number(fcntl.ioctl, node, ord("U") << 8 | 10, urb, True))
        """
    )
    assert seen == error


def test_a_stall_is_a_pipe_error(child: Child) -> None:
    seen = child(
        """
        device = find()
        error = number(device.ctrl_transfer, 0xA1, 2, 1, 0, 64)
        print(json.dumps([error, getstatus(device)]))
        """
    )
    assert seen == [errno.EPIPE, [15, 0, 0, 0, 10, 0]]


def test_data_goes_both_ways(child: Child, port: Port) -> None:
    seen = child(
        """
        device = find()
        data = bytes(range(256)) * 8
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        device.ctrl_transfer(0x21, 1, 2, 0, data)
        getstatus(device), getstatus(device)
        device.ctrl_transfer(0x21, 6, 0, 0, None)
        print(json.dumps(bytes(device.ctrl_transfer(0xA1, 2, 2, 0, 2048)) == data))
        """
    )
    assert seen is True
    assert port.device.bootloader.chip.flash.read(0x08000000, 4) == b"\0\1\2\3"


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


def test_an_interface_belongs_to_one_program_at_a_time(bus: PreloadBus) -> None:
    seen = finish(
        start(
            bus,
            """
            owner, other = os.open(NODE, os.O_RDWR), os.open(NODE, os.O_RDWR)
            claim = lambda node: number(fcntl.ioctl, node, ord("U") << 8 | 15, bytearray(4), True)
            answers = [claim(owner), claim(other), number(getstatus, find())]
            os.close(owner)
            limit = time.monotonic() + 20
            while claim(other):
                assert time.monotonic() < limit
            print(json.dumps(answers))
            """,
        )
    )
    assert seen == [0, errno.EBUSY, errno.EBUSY]


def test_an_urb_claims_and_meets_the_claim_of_another(child: Child) -> None:
    """A control URB to the interface claims it by itself, as in the kernel."""
    seen = child(
        """
        import ctypes
        data = ctypes.create_string_buffer(bytes.fromhex("a105000000000100"), 64)
        head = (2, 0, 0, 0, ctypes.addressof(data), 9)
        urb = bytearray(struct.pack("@BBiIPiiiiiIP", *head, 0, 0, 0, 0, 0, 0))
        one, other = os.open(NODE, os.O_RDWR), os.open(NODE, os.O_RDWR)
        submit = lambda node: number(fcntl.ioctl, node, ord("U") << 8 | 10, urb, True)
        print(json.dumps([submit(one), submit(other)]))
        """
    )
    assert seen == [0, errno.EBUSY]


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


def test_many_programs_at_once_get_their_own_answers(bus: PreloadBus) -> None:
    """Each asks for another descriptor, over and over, and must never see that of a neighbour."""
    script = """
        device = find()
        answers = {{usb.util.get_string(device, {index}) for _ in range(200)}}
        print(json.dumps(sorted(answers)))
    """
    processes = [start(bus, script.format(index=index)) for index in range(1, 8)]
    answers = [finish(process) for process in processes]
    assert [len(answer) for answer in answers if isinstance(answer, list)] == [1] * 7
    assert len({str(answer) for answer in answers}) == 7


def test_a_program_that_is_killed_disturbs_nobody(bus: PreloadBus, child: Child) -> None:
    victim = start(bus, "device = find()\nwhile True: getstatus(device)")
    assert (
        child("device = find(); print(json.dumps(len([number(getstatus, device) for _ in range(50)])))") == 50
    )
    victim.kill()
    victim.communicate(timeout=TIME_LIMIT)
    assert child("print(json.dumps(getstatus(find())))") == [10, 0, 0, 0, 10, 0]


def test_a_held_request_times_out_at_the_host_and_the_chip_goes_on() -> None:
    """The F405 does not answer while it erases: 16 KiB take 400 ms, the host waits for 50."""
    with emulated("stm32f405", timing="real") as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                device.ctrl_transfer(0x21, 4, 0, 0, None)
                device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x41, 0, 0, 0, 8]))
                started = getstatus(device)
                impatient = number(getstatus, device, 50)
                print(json.dumps([started, impatient, getstatus(device)]))
                """,
            )
        )
    assert seen == [[0, 100, 0, 0, 4, 0], errno.ETIMEDOUT, [0, 0, 0, 0, 5, 0]]


def test_a_request_that_the_host_gives_up_never_reaches_the_busy_chip() -> None:
    """ABORT in dfuDNBUSY would end in dfuERROR; a newer SETUP takes its place (USB 2.0, 5.5.5)."""
    with emulated("stm32f405", timing="real") as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                device.ctrl_transfer(0x21, 4, 0, 0, None)
                device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x41, 0, 0, 0, 8]))
                getstatus(device)
                given_up = number(device.ctrl_transfer, 0x21, 6, 0, 0, None, 50)
                print(json.dumps([given_up, getstatus(device)]))
                """,
            )
        )
    assert seen == [errno.ETIMEDOUT, [0, 0, 0, 0, 5, 0]]


def test_a_detach_during_an_erase_leaves_once_it_is_answered_and_comes_back() -> None:
    profile = variant(load("stm32f405"), "bootloader", detach=Detach.REENUMERATE)
    with emulated(profile, timing="real") as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                device.ctrl_transfer(0x21, 4, 0, 0, None)
                device.ctrl_transfer(0x21, 1, 0, 0, bytes([0x41, 0, 0, 0, 8]))
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


def test_a_bus_that_cannot_be_made_leaves_nothing(
    port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("dfu_emulator.transports.preload.sysfs.add", fail)
    with pytest.raises(PreloadError, match="No space left on device"):
        PreloadBus(port).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_requests_arrive_as_they_were_sent(port: Port) -> None:
    seen: list[SetupPacket] = []

    def watch(occurrence: object) -> None:
        if isinstance(occurrence, Transfer):
            seen.append(occurrence.setup)

    with PreloadBus(port) as bus:
        port.watch(watch)
        finish(start(bus, "number(find().ctrl_transfer, 0x21, 1, 0x1234, 0, b'abc'); print(0)"))
    assert SetupPacket.dfu(Request.DNLOAD, 0x1234, 3) in seen


def test_everything_is_taken_down(port: Port) -> None:
    with PreloadBus(port) as bus:
        folder = Path(bus.environment()["UMOCKDEV_DIR"])
        assert folder.is_dir()
    assert not folder.exists()


def test_other_preloaded_libraries_stay(bus: PreloadBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "libother.so")
    assert bus.environment()["LD_PRELOAD"] == "libumockdev-preload.so.0:libother.so"


def test_a_temporary_folder_with_a_long_name_is_no_trouble(
    port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with PreloadBus(port) as bus:
        assert finish(start(bus, "print(json.dumps(find() is not None))")) is True


def test_missing_library_is_one_sentence(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfu_emulator.transports.preload.bus.LIBRARY", "libnot-there.so")
    with pytest.raises(PreloadError, match=r"^libnot-there.so is missing: .*'sudo apt install umockdev'$"):
        PreloadBus(port).__enter__()


def test_what_is_never_answered_times_out_and_nothing_else() -> None:
    profile = variant(load("stm32f405"), "usb", lone_functional=LoneFunctional.SILENCE)
    with emulated(profile) as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                try:
                    lone = list(device.ctrl_transfer(0x81, 6, 0x2100, 0, 9, 100))
                except usb.core.USBTimeoutError:
                    lone = "timeout"
                print(json.dumps([lone, getstatus(device), device.manufacturer]))
                """,
            )
        )
    assert seen == ["timeout", [10, 0, 0, 0, 10, 0], "STMicroelectronics"]
