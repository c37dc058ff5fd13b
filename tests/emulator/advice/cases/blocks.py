"""wBlockNum and the length of blocks."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from dfu_protocol import Request
from emulator.advice.cases.case import Case
from emulator.host import FLASH, TRANSFER_SIZE, Host, variant


def read_blocks(host: Host, length: int) -> None:
    """Four blocks with rising numbers, the last one short."""
    host.set_address(FLASH)
    host.abort()
    for number in range(4):
        host.upload(2 + number, length)
    host.upload(6, 16)


def write_blocks(host: Host, length: int) -> None:
    host.set_address(FLASH)
    for number in range(3):
        host.job(2 + number, bytes(length))


def up_to_block_255(host: Host) -> None:
    host.set_address(FLASH)
    host.abort()
    host.upload(0xFE, TRANSFER_SIZE)
    host.upload(0xFF, TRANSFER_SIZE)


BLOCKS = [
    Case(
        "short-blocks",
        "This read skipped 1984 of each 2048 bytes: blocks of 64 bytes with rising wBlockNum",
        lambda host: read_blocks(host, 64),
        lambda host: read_blocks(host, 2048),
    ),
    Case(
        "short-blocks",
        "This write left out 1024 of each 2048 bytes: blocks of 1024 bytes with rising wBlockNum",
        lambda host: write_blocks(host, 1024),
        lambda host: write_blocks(host, 2048),
    ),
    Case(
        "block-wrap",
        "wBlockNum wrapped from 255 to 0",
        lambda host: (up_to_block_255(host), host.dfu(Request.UPLOAD, 0, TRANSFER_SIZE)),
        lambda host: (up_to_block_255(host), host.upload(0x100, TRANSFER_SIZE)),
    ),
    Case(
        "block-wrap",
        "wBlockNum wrapped from 255 to 0",
        lambda host: (host.job(255, bytes(64)), host.job(0, bytes(64))),
        lambda host: (host.job(255, bytes(64)), host.set_address(FLASH), host.job(2, bytes(64))),
    ),
    Case(
        "unknown-command",
        "A DNLOAD to block 0 is no command of this chip: 21 00 00 08",
        lambda host: host.job(0, b"\x21\x00\x00\x08"),
        lambda host: host.job(0, b"\x21\x00\x00\x00\x08"),
    ),
    Case(
        "unknown-command",
        "A DNLOAD to block 0 is no command of this chip: 77",
        lambda host: host.job(0, b"\x77"),
        lambda host: host.job(0, b"\x00"),
    ),
    Case(
        "unknown-command",
        "A DNLOAD to block 0 is no command of this chip: 00 01 02 03 04 05 06 07 ...",
        lambda host: host.job(0, bytes(range(64))),
        lambda host: host.job(2, bytes(range(64))),
    ),
    Case(
        "unknown-command",
        "A DNLOAD to block 0 is no command of this chip: 92",
        lambda host: host.job(0, b"\x92"),
        lambda host: host.job(0, b"\x41"),
        profile=lambda profile: variant(profile, "bootloader", commands=(0x00, 0x21, 0x41)),
    ),
]
