"""What an UPLOAD brings, and where it ends."""

import pytest

from dfu_protocol import Request, State, Status
from emulator.host import DEVICE_FEATURE, FLASH, OPTION_BYTES, OTP, RAM, SYSTEM, Host


@pytest.fixture
def numbered(host: Host) -> Host:
    """A device in dfuIDLE whose first 8 KiB of flash are the numbers 0, 1, 2... in 32 bits."""
    for block in range(4):
        words = range(block * 512, block * 512 + 512)
        host.job(2 + block, b"".join(word.to_bytes(4, "little") for word in words))
    return host.idle()


def first_word(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


@pytest.mark.parametrize(("block", "word"), [(2, 0), (3, 512), (4, 1024), (5, 1536)])
@pytest.mark.parametrize("length", [4, 64, 2047, 2048])
def test_address_of_a_block(numbered: Host, block: int, word: int, length: int) -> None:
    data = numbered.upload(block, length)
    assert (len(data), first_word(data)) == (length, word)


def test_blocks_may_come_in_any_order_and_again(numbered: Host) -> None:
    assert [first_word(numbered.upload(block, 2048)) for block in (5, 2, 2, 4)] == [1536, 0, 0, 1024]


def test_pointer_counts_from_where_it_was_set(numbered: Host) -> None:
    numbered.set_address(FLASH + 0x100)
    numbered.abort()
    assert first_word(numbered.upload(2, 4)) == 0x40
    assert first_word(numbered.upload(3, 4)) == 0x40 + 512


@pytest.mark.parametrize(
    ("address", "asked", "there"),
    [
        (0x080FFFF0, 16, 16),
        (0x080FFFF0, 17, 16),
        (0x080FFFFF, 2048, 1),
        (0x2001FC00, 2048, 1024),
        (OPTION_BYTES, 16, 16),
        (OPTION_BYTES, 2048, 16),
        (OTP, 2048, 528),
        (OTP + 512, 16, 16),
        (DEVICE_FEATURE, 2048, 4),
        (SYSTEM + 0x7000, 2048, 2048),
        (SYSTEM + 0x7400, 2048, 1024),
        (RAM, 2048, 2048),
    ],
)
def test_a_short_packet_ends_in_dfuidle(host: Host, address: int, asked: int, there: int) -> None:
    host.set_address(address)
    host.abort()
    assert len(host.upload(2, asked)) == there
    state = State.UPLOAD_IDLE if asked == there else State.DFU_IDLE
    assert host.get_status() == (Status.OK, 0, state, 0)


def test_beyond_the_end_of_a_memory_there_is_nothing(host: Host) -> None:
    host.set_address(0x080FF800)
    host.abort()
    assert len(host.upload(2, 2048)) == 2048
    assert host.dfu(Request.UPLOAD, 3, 2048).data is None
    assert host.get_status() == (Status.TARGET, 0, State.ERROR, 0)


def test_upload_straight_after_a_write_or_erase_stalls(host: Host) -> None:
    assert host.erase(FLASH).bState is State.DNLOAD_IDLE
    assert host.dfu(Request.UPLOAD, 2, 16).data is None
    assert host.get_status() == (Status.STALLEDPKT, 0, State.ERROR, 0)


def test_download_in_the_middle_of_an_upload_stalls(host: Host) -> None:
    host.upload(2, 16)
    assert host.dfu(Request.DNLOAD, 0, data=b"\x41").data is None
    assert host.get_status() == (Status.STALLEDPKT, 0, State.ERROR, 0)
