"""Main flash: where sectors begin, what erasing and programming do."""

import pytest

from dfu_emulator.memory import Flash, MemoryFault
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import Overwrite
from dfu_protocol import Request, State, Status
from emulator.host import FLASH, Host, Plug, variant
from emulator.tables import rows

KIB = 1024

SECTORS = """
| sector | address  | KiB |
| 0      | 08000000 | 16  |
| 1      | 08004000 | 16  |
| 2      | 08008000 | 16  |
| 3      | 0800C000 | 16  |
| 4      | 08010000 | 64  |
| 5      | 08020000 | 128 |
| 6      | 08040000 | 128 |
| 7      | 08060000 | 128 |
| 8      | 08080000 | 128 |
| 9      | 080A0000 | 128 |
| 10     | 080C0000 | 128 |
| 11     | 080E0000 | 128 |
"""
GEOMETRY = [(int(row["sector"]), int(row["address"], 16), int(row["KiB"]) * KIB) for row in rows(SECTORS)]


@pytest.fixture
def flash(f405: Profile) -> Flash:
    return Flash(f405.memory.flash)


def test_extent(flash: Flash) -> None:
    assert (flash.start, flash.end, list(flash.sectors)) == (FLASH, FLASH + 1024 * KIB, list(range(12)))


@pytest.mark.parametrize(("sector", "address", "size"), GEOMETRY)
def test_geometry(flash: Flash, sector: int, address: int, size: int) -> None:
    assert flash.sector_size(sector) == size
    assert flash.sector_bounds(sector) == (address, address + size)
    assert [flash.sector_at(at) for at in (address, address + 1, address + size - 1)] == [sector] * 3


@pytest.mark.parametrize(("sector", "address", "size"), GEOMETRY)
@pytest.mark.parametrize("within", ["first", "last"])
def test_erase_clears_one_whole_sector(host: Host, sector: int, address: int, size: int, within: str) -> None:
    neighbours = [at for at in (address - 4, address + size) if FLASH <= at < FLASH + 1024 * KIB]
    inside = [address, address + size // 2, address + size - 4]
    for at in neighbours + inside:
        assert host.write(at, b"used").bStatus is Status.OK
    assert host.erase(address if within == "first" else address + size - 1).bStatus is Status.OK
    host.abort()
    assert [host.read(at, 4) for at in inside] == [b"\xff" * 4] * 3
    assert [host.read(at, 4) for at in neighbours] == [b"used"] * len(neighbours)


def test_mass_erase_clears_the_flash_and_nothing_else(host: Host) -> None:
    for at in (FLASH, FLASH + 0x14000, FLASH + 0xFFFFC, 0x20003000, 0x1FFF7800):
        host.write(at, b"used")
    assert host.mass_erase() == (Status.OK, 0, State.DNLOAD_IDLE, 0)
    host.abort()
    assert host.read(FLASH, 1024 * KIB) == b"\xff" * 1024 * KIB
    assert host.read(0x20003000, 4) == host.read(0x1FFF7800, 4) == b"used"


OVERWRITES = [  # before, written, after
    ("FF FF FF FF", "12 34 56 78", "12 34 56 78"),
    ("F0 F0 F0 F0", "0F 0F 0F 0F", "00 00 00 00"),
    ("12 34 56 78", "FF FF FF FF", "12 34 56 78"),
    ("00 00 00 00", "AA AA AA AA", "00 00 00 00"),
    ("CC CC CC CC", "AA AA AA AA", "88 88 88 88"),
]


@pytest.mark.parametrize(("before", "written", "after"), OVERWRITES)
def test_bits_only_clear(host: Host, before: str, written: str, after: str) -> None:
    host.write(FLASH, bytes.fromhex(before))
    assert host.write(FLASH, bytes.fromhex(written)).bStatus is Status.OK
    host.abort()
    assert host.read(FLASH, 4) == bytes.fromhex(after)


@pytest.mark.parametrize(("before", "written", "after"), OVERWRITES)
def test_of_a_flash_that_is_erased_to_zero_bits_only_set(
    f405: Profile, plug: Plug, before: str, written: str, after: str
) -> None:
    """The STM32L1."""

    def inverted(text: str) -> bytes:
        return bytes(0xFF ^ value for value in bytes.fromhex(text))

    host = plug(variant(f405, "memory.flash", erased=0)).idle()
    assert host.read(FLASH, 4) == bytes(4)
    host.write(FLASH, inverted(before))
    assert host.write(FLASH, inverted(written)).bStatus is Status.OK
    host.abort()
    assert host.read(FLASH, 4) == inverted(after)
    host.erase(FLASH)
    host.abort()
    assert host.read(FLASH, 4) == bytes(4)


class TestFlashWithEcc:
    """What shares its ECC is written once: a second write is refused, until the next erase."""

    @pytest.fixture(
        params=[
            (Overwrite.PROG, Status.PROG),
            (Overwrite.PROG_UNLESS_ZERO, Status.PROG),
            (Overwrite.VERIFY, Status.VERIFY),
        ],
        ids=lambda rule: rule[0].value,
    )
    def rule(self, request: pytest.FixtureRequest) -> tuple[Overwrite, Status]:
        rule: tuple[Overwrite, Status] = request.param
        return rule

    @pytest.fixture
    def refused(self, rule: tuple[Overwrite, Status]) -> tuple[int, ...]:
        return (rule[1], 0, State.ERROR, 0)

    @pytest.fixture
    def host(self, f405: Profile, plug: Plug, rule: tuple[Overwrite, Status]) -> Host:
        """Of a flash that is programmed by 8 bytes, of which a host may write 4."""
        return plug(variant(f405, "memory.flash", overwrite=rule[0], program_width=8)).idle()

    def test_the_same_place(self, host: Host, refused: tuple[int, ...]) -> None:
        assert host.write(FLASH, b"only").bStatus is Status.OK
        for data in (b"more", b"only", b"\xff" * 4):
            assert host.write(FLASH, data) == refused
            host.clear_status()
        assert host.read(FLASH, 8) == b"only" + b"\xff" * 4

    @pytest.mark.parametrize(("first", "second"), [(0, 4), (4, 0)])
    def test_the_other_half_of_a_unit(
        self, host: Host, refused: tuple[int, ...], first: int, second: int
    ) -> None:
        assert host.write(FLASH + first, b"half").bStatus is Status.OK
        assert host.write(FLASH + second, b"rest") == refused
        host.clear_status()
        assert host.read(FLASH + second, 4) == b"\xff" * 4
        assert host.write(FLASH + 8, b"the next").bStatus is Status.OK

    def test_what_precedes_is_stored(self, host: Host, refused: tuple[int, ...]) -> None:
        assert host.write(FLASH + 20, b"used").bStatus is Status.OK
        assert host.write(FLASH + 4, bytes(range(1, 33))) == refused
        host.clear_status()
        assert host.read(FLASH, 48) == (
            b"\xff" * 4 + bytes(range(1, 13)) + b"\xff" * 4 + b"used" + b"\xff" * 24
        )

    def test_a_block_of_erased_units_in_one_go(self, host: Host) -> None:
        data = bytes(range(256)) * 8
        assert host.write(FLASH + 4, data).bStatus is Status.OK
        host.abort()
        assert host.read(FLASH, 2056) == b"\xff" * 4 + data + b"\xff" * 4

    def test_after_an_erase(self, host: Host) -> None:
        host.write(FLASH, b"once")
        assert host.erase(FLASH).bStatus is Status.OK
        assert host.write(FLASH, b"more").bStatus is Status.OK
        host.abort()
        assert host.read(FLASH, 4) == b"more"

    def test_a_refusal_is_no_misaligned_write(self, host: Host, refused: tuple[int, ...]) -> None:
        """After which nothing could be written any more."""
        host.write(FLASH, b"once")
        assert host.write(FLASH, b"more") == refused
        host.clear_status()
        assert host.write(FLASH + 8, b"next").bStatus is Status.OK


@pytest.mark.parametrize(
    ("rule", "offset", "length", "stored"),
    [
        (Overwrite.PROG_UNLESS_ZERO, 0, 8, True),
        (Overwrite.PROG_UNLESS_ZERO, 0, 16, True),
        (Overwrite.PROG_UNLESS_ZERO, 0, 4, False),  # the unit would not be all zeros
        (Overwrite.PROG_UNLESS_ZERO, 4, 4, False),
        (Overwrite.PROG, 0, 8, False),
        (Overwrite.VERIFY, 0, 8, False),
    ],
)
def test_zeros_over_what_is_not_erased(
    f405: Profile, plug: Plug, rule: Overwrite, offset: int, length: int, stored: bool
) -> None:
    host = plug(variant(f405, "memory.flash", overwrite=rule, program_width=8)).idle()
    host.write(FLASH, b"firmware")
    assert (host.write(FLASH + offset, bytes(length)).bStatus is Status.OK) is stored
    assert host.idle().read(FLASH, 8) == (bytes(8) if stored else b"firmware")


def test_zeros_do_not_open_the_way_for_the_rest(f405: Profile, plug: Plug) -> None:
    host = plug(variant(f405, "memory.flash", overwrite=Overwrite.PROG_UNLESS_ZERO, program_width=8)).idle()
    host.write(FLASH, b"firmware" * 3)
    assert host.write(FLASH, bytes(8) + b"hardware" + bytes(8)) == (Status.PROG, 0, State.ERROR, 0)
    assert host.idle().read(FLASH, 24) == bytes(8) + b"firmware" * 2


@pytest.mark.parametrize(("width", "units"), [(1, 2048), (2, 1024), (4, 512), (8, 256), (32, 64)])
def test_a_write_takes_as_long_as_its_units(f405: Profile, plug: Plug, width: int, units: int) -> None:
    host = plug(variant(f405, "memory.flash", program_width=width), timing="real").idle()
    host.set_address(FLASH)
    before = host.clock.now()
    host.job(2, bytes(2048))
    assert host.clock.now() - before == units * f405.timing.flash["x8"].program.typ


@pytest.mark.parametrize(
    ("alignment", "offset", "length", "fits"),
    [
        (4, 0, 4, True),
        (4, 4, 2048, True),
        (4, 0, 1, False),
        (4, 0, 2, False),
        (4, 0, 3, False),
        (4, 0, 5, False),
        (4, 1, 4, False),
        (4, 2, 4, False),
        (8, 8, 16, True),
        (8, 4, 8, False),
        (8, 0, 4, False),
        (16, 16, 32, True),
        (16, 8, 16, False),
        (16, 0, 8, False),
        (1, 3, 5, True),
    ],
)
def test_alignment(f405: Profile, plug: Plug, alignment: int, offset: int, length: int, fits: bool) -> None:
    host = plug(variant(f405, "memory.flash", write_alignment=alignment)).idle()
    told = host.write(FLASH + offset, bytes(length))
    assert told == ((Status.OK, 0, State.DNLOAD_IDLE, 0) if fits else (Status.PROG, 0, State.ERROR, 0))
    assert host.idle().read(FLASH + offset, length) == (bytes(length) if fits else b"\xff" * length)


def test_after_a_misaligned_write_all_fail_until_a_reset(plug: Plug) -> None:
    host = plug().idle()
    assert host.write(FLASH, b"odd").bStatus is Status.PROG
    for _ in range(3):
        assert host.idle().write(FLASH, b"even").bStatus is Status.PROG
    host.idle()
    assert host.read(FLASH, 4) == b"\xff" * 4
    host.port.reset()  # of the bus alone
    host.port.configure()
    assert host.idle().write(FLASH, b"even").bStatus is Status.PROG
    host.idle().ask(Request.DNLOAD)
    assert host.get_status().bState is State.MANIFEST  # without an application it comes back
    assert host.wait_for_return().idle().write(FLASH, b"even").bStatus is Status.OK
    assert host.idle().read(FLASH, 4) == b"even"


def test_other_memories_do_not_share_that_fault(host: Host) -> None:
    assert host.write(FLASH, b"odd").bStatus is Status.PROG
    assert host.idle().write(0x20003000, b"odd").bStatus is Status.OK
    assert host.erase(FLASH).bStatus is Status.OK


@pytest.mark.parametrize("length", [1, 6, 4095])
def test_the_flash_itself_tells_a_misaligned_write(flash: Flash, length: int) -> None:
    with pytest.raises(MemoryFault) as fault:
        flash.write(FLASH, bytes(length))
    assert fault.value.status is Status.PROG
    with pytest.raises(MemoryFault):
        flash.write(FLASH, bytes(4))
    flash.reset()
    flash.write(FLASH, bytes(4))
    assert flash.read(FLASH, 5) == bytes(4) + b"\xff"


def test_changes_are_told_before_they_are_made(f405: Profile) -> None:
    told: list[tuple[int, bytes]] = []
    cells = bytearray(b"\xff" * f405.memory.flash.size)

    def keep(offset: int, data: bytes) -> None:
        assert cells[offset : offset + len(data)] != data
        told.append((offset, data))

    flash = Flash(f405.memory.flash, cells, keep)
    flash.write(FLASH + 0x4010, bytes(32))
    flash.erase(1)
    assert told == [(0x4010, bytes(32)), (0x4000, b"\xff" * 16 * KIB)]


def test_a_write_may_cross_sectors(host: Host) -> None:
    assert host.write(FLASH + 0x3FFC, b"left" + b"rest").bStatus is Status.OK
    host.abort()
    assert host.read(FLASH + 0x3FFC, 8) == b"leftrest"


def test_a_misaligned_write_across_a_sector_border_changes_nothing(plug: Plug) -> None:
    host = plug().idle()
    assert host.write(FLASH + 0x4000 - 4, b"123456").bStatus is Status.PROG
    host.idle()
    assert host.port.device.bootloader.chip.flash.read(FLASH + 0x4000 - 4, 8) == b"\xff" * 8
