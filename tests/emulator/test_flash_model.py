"""The flash through DFU requests, against a model of a few lines, in random order."""

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dfu_protocol import Request, State, Status
from emulator.chips import stm32f405
from emulator.host import FLASH, plugged

SIZE = 1 << 20
SECTORS = [*range(0, 0x10000, 0x4000), 0x10000, *range(0x20000, SIZE, 0x20000), SIZE]
INTERESTING = sorted(
    {min(max(edge + step, 0), SIZE - 4) for edge in SECTORS for step in (-2048, -4, 0, 4, 2048)}
)

offsets = st.sampled_from(INTERESTING)
contents = st.binary(min_size=1, max_size=16).flatmap(
    lambda pattern: st.sampled_from([4, 8, 64, 2048]).map(lambda length: (pattern * length)[:length])
)


class FlashThroughDfu(RuleBasedStateMachine):
    """``model`` is what the flash has to hold; a write clears bits, an erase sets those of a sector."""

    def __init__(self) -> None:
        super().__init__()
        self.device = plugged(stm32f405())
        self.host = self.device.__enter__().idle()
        self.model = bytearray(b"\xff" * SIZE)
        self.failing = False

    def teardown(self) -> None:
        assert self.host.read(FLASH, SIZE) == self.model
        self.device.__exit__(None, None, None)

    def store(self, offset: int, data: bytes) -> None:
        for position, value in enumerate(data, offset):
            self.model[position] &= value

    @rule(offset=offsets, data=contents)
    def write(self, offset: int, data: bytes) -> None:
        data = data[: SIZE - offset]
        told = self.host.write(FLASH + offset, data).bStatus
        if self.failing:
            assert told is Status.PROG
        else:
            assert told is Status.OK
            self.store(offset, data)

    @rule(offset=st.sampled_from(INTERESTING), blocks=st.integers(2, 4), data=contents)
    def write_blocks(self, offset: int, blocks: int, data: bytes) -> None:
        """Rising block numbers: each is 2048 bytes behind the one before."""
        assert self.host.set_address(FLASH + offset).bStatus is Status.OK
        for number in range(blocks):
            start = offset + number * 2048
            inside = start + len(data) <= SIZE
            told = self.host.job(2 + number, data).bStatus
            expected = Status.PROG if self.failing else Status.OK
            assert told is (expected if inside else Status.TARGET)
            if told is not Status.OK:
                return
            self.store(start, data)

    @rule(offset=offsets, length=st.sampled_from([1, 2, 3, 5, 63]), shift=st.sampled_from([0, 0, 1, 2]))
    def write_misaligned(self, offset: int, length: int, shift: int) -> None:
        if offset + shift + length > SIZE or any(offset < edge < offset + shift + length for edge in SECTORS):
            return
        assert self.host.write(FLASH + offset + shift, bytes(length)).bStatus is Status.PROG
        self.failing = True

    @rule(offset=offsets)
    def erase(self, offset: int) -> None:
        assert self.host.erase(FLASH + offset).bStatus is Status.OK
        start, end = next(pair for pair in itertools.pairwise(SECTORS) if pair[0] <= offset < pair[1])
        self.model[start:end] = b"\xff" * (end - start)

    @rule()
    def mass_erase(self) -> None:
        assert self.host.mass_erase().bStatus is Status.OK
        self.model[:] = b"\xff" * SIZE

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
TestFlashThroughDfu.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
