"""The thread that started it: reading an STM32F042 by DfuSe, as its author found it to be.

UPLOAD after Set Address Pointer failed until the author sent CLRSTATUS even in dfuIDLE, and rising block
numbers moved the address by 2048, whatever the length of the requests.
"""

import pytest

from dfu_protocol import Request, State, Status
from emulator.host import FLASH, Host

SOMEWHERE = FLASH + 0x4000


@pytest.fixture
def written(host: Host) -> Host:
    """Memory with a text at SOMEWHERE, another at the start, and one for every 2048 bytes after it."""
    host.write(FLASH, b"the start of it.")
    for number in range(4):
        host.write(SOMEWHERE + number * 2048, b"block number %d.." % number)
    return host.idle()


def test_the_default_address_reads_without_any_ado(written: Host) -> None:
    written.set_address(FLASH)
    written.idle()
    assert written.upload(2, 16) == b"the start of it."


def test_upload_after_set_address_pointer_stalls(written: Host) -> None:
    assert written.set_address(SOMEWHERE) == (Status.OK, 0, State.DNLOAD_IDLE, 0)
    assert written.dfu(Request.UPLOAD, 2, 16).data is None
    assert written.get_status() == (Status.STALLEDPKT, 0, State.ERROR, 0)


def test_abort_in_between_is_the_clean_way(written: Host) -> None:
    written.set_address(SOMEWHERE)
    written.abort()
    assert written.get_state() is State.DFU_IDLE
    assert written.upload(2, 16) == b"block number 0.."


def clear_wait_idle(host: Host) -> list[tuple[Status, State]]:
    """The author's loop: always CLRSTATUS first, then GETSTATUS, until dfuIDLE."""
    told: list[tuple[Status, State]] = []
    while not told or told[-1][1] is not State.DFU_IDLE:
        host.clear_status()
        status = host.get_status()
        told.append((status.bStatus, status.bState))
        assert len(told) < 10
    return told


def test_the_authors_loop_of_clrstatus_works_too(written: Host) -> None:
    written.set_address(SOMEWHERE)
    assert clear_wait_idle(written) == [(Status.UNKNOWN, State.ERROR), (Status.OK, State.DFU_IDLE)]
    assert written.upload(2, 16) == b"block number 0.."


def test_the_loop_works_after_the_stall_as_well(written: Host) -> None:
    written.set_address(SOMEWHERE)
    assert written.dfu(Request.UPLOAD, 2, 16).data is None
    assert clear_wait_idle(written) == [(Status.OK, State.DFU_IDLE)]
    assert written.upload(2, 16) == b"block number 0.."


def test_the_loop_before_the_author_changed_it_does_nothing_in_dfudnload_idle(written: Host) -> None:
    """GETSTATUS alone never leads from dfuDNLOAD-IDLE to dfuIDLE."""
    written.set_address(SOMEWHERE)
    assert [written.get_status().bState for _ in range(5)] == [State.DNLOAD_IDLE] * 5


@pytest.mark.parametrize("length", [2, 16, 64, 1024, 2048])
def test_short_blocks_with_rising_numbers_skip_memory(written: Host, length: int) -> None:
    written.set_address(SOMEWHERE)
    written.abort()
    read = [written.upload(2 + number, length) for number in range(4)]
    assert [len(block) for block in read] == [length] * 4
    for number, block in enumerate(read):
        assert (b"block number %d.." % number).startswith(block[:16])


def test_the_rest_of_a_block_is_reached_by_moving_the_pointer(written: Host) -> None:
    whole = b""
    for offset in range(0, 2048, 512):
        written.set_address(SOMEWHERE + offset)
        written.abort()
        whole += written.upload(2, 512)
        written.abort()
    written.set_address(SOMEWHERE)
    written.abort()
    assert whole == written.upload(2, 2048)
