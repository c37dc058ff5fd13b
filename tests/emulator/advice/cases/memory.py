"""What is written, erased and read, and where."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Overwrite, Rdp1
from dfu_protocol import Request
from emulator.advice.cases.case import Case
from emulator.host import DEVICE_FEATURE, FLASH, NOWHERE, OPTION_BYTES, RAM, Host, variant


def erase_and_write(host: Host, address: int, data: bytes) -> None:
    host.erase(address)
    host.write(address, data)


def option_bytes(wrp: int = 0xFF) -> bytes:
    return bytes([0xFF, 0xAA, *b"\xff" * 6, wrp, *b"\xff" * 7])


def protect_sector_0(host: Host) -> None:
    host.set_address(OPTION_BYTES)
    host.start_reset(option_bytes(wrp=0xFE), block=2)
    host.wait_for_return().idle()


def silent_writes(profile: Profile) -> Profile:
    return variant(profile, "protection", write=Rdp1.IGNORE, set_address=Rdp1.ALLOW)


def refusing(profile: Profile) -> Profile:
    return variant(profile, "memory.flash", overwrite=Overwrite.PROG)


MEMORY = [
    Case(
        "not-erased",
        "Block 2 was written to 0x08000000 over data that were not erased: "
        "the chip reports OK and mixes old and new bits",
        lambda host: host.write(FLASH, b"new!"),
        lambda host: erase_and_write(host, FLASH, b"new!"),
        first=lambda host: (host.write(FLASH, b"old!"), host.idle()),
    ),
    Case(
        "not-erased",
        "Block 2 was written to 0x08000000 over data that were not erased: the chip refuses it with errPROG",
        lambda host: host.write(FLASH, b"new!"),
        lambda host: erase_and_write(host, FLASH, b"new!"),
        first=lambda host: (host.write(FLASH, b"old!"), host.idle()),
        profile=refusing,
    ),
    Case(
        "misaligned-write",
        "5 bytes were written to 0x08000000, the flash takes multiples of 4",
        lambda host: host.write(FLASH, b"12345"),
        lambda host: host.write(FLASH, b"12345\xff\xff\xff"),
    ),
    Case(
        "misaligned-write",
        "4 bytes were written to 0x08000002, the flash takes multiples of 4",
        lambda host: host.write(FLASH + 2, b"1234"),
        lambda host: host.write(RAM + 2, b"1234"),
    ),
    Case(
        "past-the-end",
        "64 bytes at 0x080FFFE0 reach 32 bytes over the end of the memory at 0x08100000",
        lambda host: host.write(FLASH + 0xFFFE0, bytes(64)),
        lambda host: host.write(FLASH + 0xFFFC0, bytes(64)),
    ),
    Case(
        "outside-memory",
        "Set Address Pointer went to 0x40000000, where the bootloader has no memory for it",
        lambda host: host.set_address(NOWHERE),
        lambda host: host.set_address(DEVICE_FEATURE),
    ),
    Case(
        "outside-memory",
        "An erase went to 0x20003000, where the bootloader has no memory for it",
        lambda host: host.erase(RAM),
        lambda host: host.erase(FLASH),
    ),
    Case(
        "outside-memory",
        "A write went to 0x08100000, where the bootloader has no memory for it",
        lambda host: (host.set_address(FLASH + 0xFF800), host.job(3, bytes(2048))),
        lambda host: (host.set_address(FLASH + 0xFF800), host.job(2, bytes(2048))),
    ),
    Case(
        "partial-option-bytes",
        "4 bytes were written to option bytes at 0x1FFFC000, of 16 at 0x1FFFC000",
        lambda host: host.write(OPTION_BYTES, bytes(4)),
        lambda host: (host.set_address(OPTION_BYTES), host.start_reset(option_bytes(), block=2)),
    ),
    Case(
        "erased-twice",
        "The sector at 0x08000010 was erased again, with no write in between",
        lambda host: (host.erase(FLASH), host.erase(FLASH + 16)),
        lambda host: (erase_and_write(host, FLASH, bytes(4)), host.erase(FLASH), host.erase(FLASH + 0x4000)),
    ),
    Case(
        "erased-twice",
        "The sector at 0x08000000 was erased again, with no write in between",
        lambda host: (host.mass_erase(), host.erase(FLASH)),
        lambda host: (host.erase(FLASH), host.mass_erase()),
    ),
    Case(
        "erased-twice",
        "The whole flash was erased again, with no write in between",
        lambda host: (host.mass_erase(), host.mass_erase()),
        lambda host: (host.mass_erase(), host.write(FLASH, bytes(4)), host.mass_erase()),
    ),
    Case(
        "write-protected",
        "An erase went to sector 0, which the option bytes write-protect",
        lambda host: host.erase(FLASH),
        lambda host: host.erase(FLASH + 0x4000),
        first=protect_sector_0,
    ),
    Case(
        "write-protected",
        "A write went to sector 0, which the option bytes write-protect",
        lambda host: host.write(FLASH + 0x3FFC, bytes(8)),
        lambda host: host.write(FLASH + 0x4000, bytes(8)),
        first=protect_sector_0,
    ),
    Case(
        "read-protected",
        "A read at read protection level 1 ended in errVENDOR",
        lambda host: host.dfu(Request.UPLOAD, 2, 16),
        lambda host: host.upload(0, 4),
        rdp=1,
    ),
    Case(
        "read-protected",
        "A command or write at read protection level 1 ended in errVENDOR",
        lambda host: host.mass_erase(),
        lambda host: (host.start_reset(b"\x92"), host.wait_for_return().idle(), host.upload(2, 16)),
        rdp=1,
    ),
    Case(
        "read-protected",
        "A write at read protection level 1 ended in OK, and nothing changed",
        lambda host: host.write(FLASH, bytes(4)),
        lambda host: host.set_address(FLASH),
        rdp=1,
        profile=silent_writes,
    ),
]
