"""What an unfinished job leaves, in words and numbers."""

from contextlib import suppress

import pytest

from dfu_host.ledger import Ledger, Remains
from dfu_protocol.firmware_file import Element

PAGE = 0x4000
FLASH = 0x08000000


@pytest.fixture
def ledger() -> Ledger:
    """Three pages are erased."""
    ledger = Ledger()
    for page in range(3):
        with ledger.erasing(FLASH + page * PAGE, PAGE):
            pass
    return ledger


def broken_off(ledger: Ledger, blocks: int) -> None:
    """A write over two of the pages that ends after so many blocks."""
    with suppress(ZeroDivisionError), ledger.writing(FLASH, 2 * PAGE, 2048) as done:
        for _ in range(blocks):
            done(2048)
        _ = 1 // 0


def test_nothing() -> None:
    assert not Ledger().begun
    assert str(Ledger().remains) == "nothing on the chip was changed"


def test_an_erase_in_doubt(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.erasing(FLASH + 3 * PAGE, PAGE):
        _ = 1 // 0
    assert ledger.begun
    assert str(ledger.remains) == (
        "on the chip now: 0x08000000..0x0800bfff is erased; 0x0800c000..0x0800ffff may be half erased"
    )


def test_a_block_in_doubt(ledger: Ledger) -> None:
    broken_off(ledger, 3)
    assert ledger.remains == Remains(
        written=((FLASH, FLASH + 3 * 2048),),
        erased=((FLASH + 4 * 2048, FLASH + 3 * PAGE),),
        doubtful=(FLASH + 3 * 2048, FLASH + 4 * 2048),
        doing="written",
    )
    assert str(ledger.remains) == (
        "on the chip now: 0x08000000..0x080017ff is written; 0x08001800..0x08001fff may be half written;"
        " 0x08002000..0x0800bfff is erased"
    )


def test_between_two_writes_nothing_is_in_doubt(ledger: Ledger) -> None:
    with ledger.writing(FLASH, 3000, 2048) as done:
        done(2048)
        done(952)
    assert ledger.remains == Remains(
        written=((FLASH, FLASH + 3000),), erased=((FLASH + 3000, FLASH + 3 * PAGE),), doing="written"
    )


def test_what_was_to_be_kept(ledger: Ledger) -> None:
    lost, back, half, untouched = (Element(FLASH + at, b"keep") for at in (PAGE, 100, 3 * 2048 - 2, 7 * PAGE))
    ledger.keep([lost, back, half, untouched])
    broken_off(ledger, 3)
    assert ledger.remains.unrestored == (lost, half)
    assert "0x08004000..0x08004003 and 0x080017fe..0x08001801 was to be kept" in str(ledger.remains)


def test_what_was_to_be_kept_and_reads_back_differently(ledger: Ledger) -> None:
    before, behind = (Element(FLASH + at, b"keep") for at in (100, 3000))
    ledger.keep([before, behind])
    with ledger.writing(FLASH, 4096, 2048) as done:
        done(2048)
        done(2048)
    assert not ledger.remains.unrestored
    ledger.misread(FLASH + 3002)
    assert ledger.remains.unrestored == (behind,)
    assert ledger.remains.doubtful == (FLASH + 3002, FLASH + 4096)
