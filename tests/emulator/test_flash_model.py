"""Flashes of all kinds through DFU requests, against a model of a few lines, in random order."""

import itertools
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dfu_emulator.profile.model import Overwrite
from dfu_protocol import Request, State, Status
from emulator.chips import stm32f405
from emulator.host import FLASH, plugged, variant

SIZE = 1 << 20
SECTORS = [*range(0, 0x10000, 0x4000), 0x10000, *range(0x20000, SIZE, 0x20000), SIZE]
INTERESTING = sorted(
    {min(max(edge + step, 0), SIZE - 4) for edge in SECTORS for step in (-2048, -8, -4, 0, 4, 8, 2048)}
)


@dataclass(frozen=True)
class Kind:
    """Keys of the profile."""

    overwrite: Overwrite
    program_width: int
    write_alignment: int
    erased: int = 0xFF


KINDS = [
    Kind(Overwrite.CLEAR_BITS, 4, 4),
    Kind(Overwrite.CLEAR_BITS, 1, 2),
    Kind(Overwrite.CLEAR_BITS, 4, 8, erased=0x00),
    Kind(Overwrite.PROG, 8, 8),
    Kind(Overwrite.PROG, 8, 4),
    Kind(Overwrite.PROG, 16, 1),
    Kind(Overwrite.PROG, 4, 8, erased=0x00),
    Kind(Overwrite.PROG_UNLESS_ZERO, 2, 4),
    Kind(Overwrite.PROG_UNLESS_ZERO, 8, 8),
    Kind(Overwrite.PROG_UNLESS_ZERO, 8, 4),
    Kind(Overwrite.VERIFY, 32, 4),
]

offsets = st.sampled_from(INTERESTING)
patterns = st.one_of(
    st.binary(min_size=1, max_size=16), st.sampled_from([b"\0", b"\xff", b"\0" * 8 + b"code" * 2])
)
contents = patterns.flatmap(
    lambda pattern: st.sampled_from([4, 8, 16, 64, 2048]).map(lambda length: (pattern * length)[:length])
)


class FlashThroughDfu(RuleBasedStateMachine):
    """``model`` is what the flash has to hold; a write does what the kind says, an erase sets a sector."""

    @initialize(kind=st.sampled_from(KINDS))
    def plug(self, kind: Kind) -> None:
        fields = {name: getattr(kind, name) for name in kind.__dataclass_fields__}
        self.kind = kind
        self.device = plugged(variant(stm32f405(), "memory.flash", **fields))
        self.host = self.device.__enter__().idle()
        self.model = bytearray([kind.erased]) * SIZE
        self.failing = False

    def teardown(self) -> None:
        assert self.host.read(FLASH, SIZE) == self.model
        self.device.__exit__(None, None, None)

    def store(self, offset: int, data: bytes) -> Status:
        """What is told of a write, and what the model holds after it."""
        kind, end = self.kind, offset + len(data)
        if end > SIZE:
            return Status.TARGET
        if self.failing or offset % kind.write_alignment or len(data) % kind.write_alignment:
            self.failing = True
            return Status.PROG
        for unit in range(offset // kind.program_width * kind.program_width, end, kind.program_width):
            cells = range(unit, unit + kind.program_width)
            new = {position: data[position - offset] for position in cells if offset <= position < end}
            if kind.overwrite is Overwrite.CLEAR_BITS:
                for position, value in new.items():
                    old = self.model[position]
                    self.model[position] = old & value if kind.erased else old | value
                continue
            is_erased = all(self.model[position] == kind.erased for position in cells)
            may_be_zero = kind.overwrite is Overwrite.PROG_UNLESS_ZERO
            if not is_erased and not (may_be_zero and [*new.values()] == [0] * kind.program_width):
                return Status.VERIFY if kind.overwrite is Overwrite.VERIFY else Status.PROG
            for position, value in new.items():
                self.model[position] = value
        return Status.OK

    @rule(offset=offsets, data=contents)
    def write(self, offset: int, data: bytes) -> None:
        assert self.host.write(FLASH + offset, data).bStatus is self.store(offset, data)

    @rule(offset=offsets, blocks=st.integers(2, 4), data=contents)
    def write_blocks(self, offset: int, blocks: int, data: bytes) -> None:
        """Rising block numbers: each is 2048 bytes behind the one before."""
        assert self.host.set_address(FLASH + offset).bStatus is Status.OK
        for number in range(blocks):
            told = self.host.job(2 + number, data).bStatus
            assert told is self.store(offset + number * 2048, data)
            if told is not Status.OK:
                return

    @rule(offset=offsets, length=st.sampled_from([1, 2, 3, 5, 63]), shift=st.sampled_from([0, 0, 1, 2]))
    def write_odd_bytes(self, offset: int, length: int, shift: int) -> None:
        offset += shift
        assert self.host.write(FLASH + offset, bytes(length)).bStatus is self.store(offset, bytes(length))

    @rule(offset=offsets)
    def erase(self, offset: int) -> None:
        assert self.host.erase(FLASH + offset).bStatus is Status.OK
        start, end = next(pair for pair in itertools.pairwise(SECTORS) if pair[0] <= offset < pair[1])
        self.model[start:end] = bytes([self.kind.erased]) * (end - start)

    @rule()
    def mass_erase(self) -> None:
        assert self.host.mass_erase().bStatus is Status.OK
        self.model[:] = bytes([self.kind.erased]) * SIZE

    @rule(offset=offsets, length=st.integers(1, 6000))
    def read(self, offset: int, length: int) -> None:
        length = min(length, SIZE - offset)
        assert self.host.read(FLASH + offset, length) == self.model[offset : offset + length]

    @precondition(lambda self: self.failing)
    @rule()
    def reset(self) -> None:
        """Leaving without an application resets the chip."""
        self.host.set_address(0x1FFF0000)
        self.host.ask(Request.DNLOAD)
        assert self.host.get_status().bState is State.MANIFEST
        self.host.wait_for_return()
        self.failing = False

    @invariant()
    def back_to_dfuidle(self) -> None:
        self.host.idle()


TestFlashThroughDfu = FlashThroughDfu.TestCase
TestFlashThroughDfu.settings = settings(max_examples=80, stateful_step_count=30)
