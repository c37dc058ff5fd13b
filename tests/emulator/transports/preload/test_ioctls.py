"""The ioctls of usbfs, as a program makes them: numbers, errors, claims."""

import errno

import pytest

from dfu_emulator.transports.preload import PreloadBus
from emulator.transports.preload.programs import Child, finish, start

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
    ("SETCONFIGURATION 0", 5, b"\0\0\0\0", 0, None),
    ("SETCONFIGURATION -1, for the same", 5, b"\xff\xff\xff\xff", 0, None),
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
