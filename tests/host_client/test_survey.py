"""What a write leaves alone, and what it must not destroy."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.profile import available, load
from dfu_emulator.scenario import ALWAYS, Do, Fault, Requests, Scenario, When
from dfu_host import Care, Device, DeviceTimeoutError, NeighbourError, UsageError, open_device
from dfu_host.plan import plan_write
from dfu_host.programmer import program
from dfu_host.survey import judge
from dfu_protocol import Erase, Request, SetAddress, parse_layout
from dfu_protocol.firmware_file import Element
from host_client.bench import FLASH, Bench, MakeBench, bench

PAGE = 128
DIFF, RESUME, PRESERVE = Care(diff=True), Care(resume=True), Care(preserve=True)

pages = st.binary(min_size=PAGE, max_size=PAGE) | st.builds(
    lambda filled, blank: filled[:blank] + b"\xff" * (PAGE - len(filled[:blank])),
    st.binary(min_size=PAGE, max_size=PAGE),
    st.integers(0, PAGE),
)
aligns = st.sampled_from([1, 4, 8, 16, 32])


@st.composite
def elements(draw: st.DrawFn) -> tuple[Element, ...]:
    edges = sorted(draw(st.lists(st.integers(0, PAGE), min_size=2, max_size=6, unique=True)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Element(a, draw(st.binary(min_size=b - a, max_size=b - a))) for a, b in pairs)


def carried_out(before: bytes, verdict_data: tuple[Element, ...], erase: bool) -> bytes:
    after = bytearray(b"\xff" * PAGE if erase else before)
    for element in verdict_data:
        after[element.address : element.address + len(element.data)] = element.data
    return bytes(after)


def overlaid(before: bytes, data: tuple[Element, ...]) -> bytes:
    return carried_out(before, data, erase=False)


class TestJudge:
    @given(before=pages, data=elements(), align=aligns, diff=st.booleans(), resume=st.booleans())
    def test_nothing_of_the_neighbours_is_lost(
        self, before: bytes, data: tuple[Element, ...], align: int, diff: bool, resume: bool
    ) -> None:
        verdict = judge(0, before, data, align, 0xFF, Care(diff, resume, preserve=True))
        result = carried_out(before, (*verdict.data, *verdict.kept), verdict.erase)
        assert result == overlaid(before, data)

    @given(before=pages, data=elements(), align=aligns, diff=st.booleans(), resume=st.booleans())
    def test_the_data_is_there_whatever_the_care(
        self, before: bytes, data: tuple[Element, ...], align: int, diff: bool, resume: bool
    ) -> None:
        verdict = judge(0, before, data, align, 0xFF, Care(diff, resume, preserve=False))
        result = carried_out(before, (*verdict.data, *verdict.kept), verdict.erase)
        for element in data:
            assert result[element.address : element.address + len(element.data)] == element.data
        assert verdict.kept == ()

    @given(before=pages, data=elements(), align=aligns)
    def test_without_an_erase_only_erased_words_are_written(
        self, before: bytes, data: tuple[Element, ...], align: int
    ) -> None:
        verdict = judge(0, before, data, align, 0xFF, DIFF)
        if verdict.erase:
            return
        for element in verdict.data:
            first = element.address - element.address % align
            assert first <= element.address < element.address + len(element.data) <= first + align
            assert set(before[first : first + align]) == {0xFF}

    @given(before=pages, data=elements(), align=aligns)
    def test_a_resumed_page_is_right_as_a_whole_or_done_anew(
        self, before: bytes, data: tuple[Element, ...], align: int
    ) -> None:
        for care in (RESUME, Care(diff=True, resume=True)):
            verdict = judge(0, before, data, align, 0xFF, care)
            assert verdict.erase == (overlaid(before, data) != before)

    @pytest.mark.parametrize(
        ("held", "erased", "kept"),
        [
            (b"\xff" * 96, 0xFF, []),
            (bytes(96), 0x00, []),
            (b"\xff" * 96, 0x00, [(32, 96)]),
            (b"\xff" * 10 + b"data" + b"\xff" * 82, 0xFF, [(42, 4)]),
            (bytes(10) + b"da\0a" + bytes(82), 0x00, [(42, 4)]),
        ],
    )
    def test_erased_bytes_are_no_loss(self, held: bytes, erased: int, kept: list[tuple[int, int]]) -> None:
        verdict = judge(0, bytes(32) + held, (Element(0, b"x" * 32),), 32, erased, Care())
        assert [(element.address, len(element.data)) for element in verdict.kept] == kept


@pytest.fixture
def device(f405_bench: Bench) -> Device:
    return open_device(backend=f405_bench.backend)


SECTOR = 16 * 1024
FIRMWARE = bytes(i * 7 & 0xFF for i in range(3 * SECTOR - 1000))


class TestDiff:
    def test_the_same_again_touches_nothing(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, FIRMWARE)
        f405_bench.transfers.clear()
        outcome = device.write(FLASH, FIRMWARE, diff=True)
        assert (outcome.erased, outcome.written, outcome.verified) == (0, 0, True)
        assert not any(t.setup.wValue >= 2 for t in f405_bench.requests(Request.DNLOAD))

    def test_one_byte_costs_its_sector(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, FIRMWARE)
        f405_bench.transfers.clear()
        changed = bytearray(FIRMWARE)
        changed[SECTOR + 5] ^= 1
        outcome = device.write(FLASH, bytes(changed), diff=True)
        assert f405_bench.commands(Erase) == [Erase(FLASH + SECTOR)]
        assert (outcome.erased, outcome.written) == (SECTOR, SECTOR)
        assert f405_bench.flash[: len(changed)] == changed

    @pytest.mark.parametrize("chip", ["stm32f405", "stm32l432", "stm32l083"])
    def test_what_is_erased_is_filled_in_without_an_erase(self, make_bench: MakeBench, chip: str) -> None:
        bench = make_bench(load(chip))
        device = open_device(backend=bench.backend)
        device.write(FLASH, FIRMWARE[:3000])
        bench.transfers.clear()
        outcome = device.write(FLASH, FIRMWARE[:3100], diff=True)
        # 3008 is the next whole word of 32 bytes; what precedes it shares one with old data.
        if outcome.erased:
            assert bench.commands(Erase)
        bench.transfers.clear()
        outcome = device.write(FLASH + 3200, b"more" * 16, diff=True)
        assert (outcome.erased, outcome.written) == (0, 64)
        assert bench.commands(Erase) == []
        assert bench.flash[:3100] == FIRMWARE[:3100]
        assert bench.flash[3200:3264] == b"more" * 16

    def test_a_neighbour_counts_where_its_page_must_be_erased(
        self, f405_bench: Bench, device: Device
    ) -> None:
        device.write(FLASH, FIRMWARE)
        with pytest.raises(NeighbourError):
            device.write(FLASH, b"new start", diff=True)
        assert f405_bench.flash[: len(FIRMWARE)] == FIRMWARE


class TestPreserve:
    @pytest.mark.parametrize("chip", ["stm32f405", "stm32l432", "stm32h743", "stm32l083", "stm32l152rc"])
    def test_neighbours_are_written_back(self, make_bench: MakeBench, chip: str) -> None:
        bench = make_bench(load(chip))
        device = open_device(backend=bench.backend)
        device.write(FLASH, FIRMWARE[:9000])
        device.write(FLASH + 3333, b"patch" * 7, preserve=True)
        assert bench.flash[:9000] == FIRMWARE[:3333] + b"patch" * 7 + FIRMWARE[3333 + 35 : 9000]

    def test_they_are_verified_too(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, FIRMWARE)
        outcome = device.write(FLASH + 100, b"new!", preserve=True)
        assert (outcome.erased, outcome.written, outcome.verified) == (SECTOR, 4, True)

    def test_gaps_between_the_data_are_neighbours(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, FIRMWARE[:1000])
        device.write_all([Element(FLASH + 10, b"ab"), Element(FLASH + 500, b"cd")], preserve=True)
        expected = bytearray(FIRMWARE[:1000])
        expected[10:12], expected[500:502] = b"ab", b"cd"
        assert f405_bench.flash[:1000] == expected

    def test_given_up(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH, FIRMWARE[:1000])
        device.write(FLASH, b"new!", preserve=False)
        assert f405_bench.flash[:1000] == b"new!" + b"\xff" * 996

    def test_two_plans_in_one_page_are_no_neighbours(self, f405_bench: Bench, device: Device) -> None:
        layout = device.memories[0].layout
        assert layout
        plans = [plan_write(0, layout, [Element(FLASH + at, b"data")], 32) for at in (0, 64)]
        program(device.session, plans)
        outcome = program(device.session, plans, care=DIFF)
        assert outcome.written == 0
        assert f405_bench.flash[:68] == b"data" + b"\xff" * 60 + b"data"


class TestRequests:
    """How often the chip is asked."""

    CHIPS = pytest.mark.parametrize("chip", ["stm32l083", "stm32g431", "stm32f405", "stm32h743"])

    @CHIPS
    @pytest.mark.parametrize("care", [DIFF, RESUME])
    def test_adjoining_pages_are_read_in_one_go(self, make_bench: MakeBench, chip: str, care: Care) -> None:
        there = make_bench(load(chip))
        device = open_device(backend=there.backend)
        device.write(FLASH, FIRMWARE)
        there.transfers.clear()
        device.write(FLASH, FIRMWARE, diff=care.diff, resume=care.resume)
        page, block = device.memories[0].known_layout.segments[0].size, device.info.transfer_size(None)
        blocks = [t.setup.wValue for t in there.requests(Request.UPLOAD)]
        assert len(blocks) == -(-(-(-len(FIRMWARE) // page) * page) // block)
        # A short last block has an address of its own.
        addresses = len(there.commands(SetAddress))
        assert addresses == (1 if page >= block else 2)
        assert blocks[: 1 - addresses or None] == list(range(2, len(blocks) + 3 - addresses))

    @CHIPS
    def test_of_pages_to_erase_only_the_gaps_are_read(self, make_bench: MakeBench, chip: str) -> None:
        there = make_bench(load(chip))
        device = open_device(backend=there.backend)
        page = device.memories[0].known_layout.segments[0].size
        device.write(FLASH, bytes(3 * page - 64), verify=False)
        assert [(t.setup.wValue, t.setup.wLength) for t in there.requests(Request.UPLOAD)] == [(2, 64)]
        assert there.commands(SetAddress)[0] == SetAddress(FLASH + 3 * page - 64)

    def test_gaps_are_read_together_where_that_is_quicker(self, f405_bench: Bench, device: Device) -> None:
        near = [Element(FLASH + 1024 * i, bytes(512)) for i in range(16)]
        device.write_all(near, verify=False)
        assert len(f405_bench.requests(Request.UPLOAD)) == SECTOR // 2048
        assert f405_bench.commands(SetAddress)[0] == SetAddress(FLASH)

    def test_gaps_far_from_each_other_are_read_alone(self, f405_bench: Bench, device: Device) -> None:
        device.write(FLASH + 64, bytes(2 * SECTOR - 128), verify=False)
        assert [t.setup.wLength for t in f405_bench.requests(Request.UPLOAD)] == [64, 64]


class TestForSure:
    """What is to be written back is read twice, and a block that differs once more."""

    @staticmethod
    def wrong(**when: Any) -> Scenario:
        fault = Fault(do=Do.CORRUPT, when=When(request=Requests.of(Request.UPLOAD), **when), bits=3)
        return Scenario(faults=(fault,))

    @pytest.mark.parametrize(("nth", "further"), [(3, 1), (8 + 3, 2)])
    def test_a_wrong_answer_is_found(self, make_bench: MakeBench, nth: int, further: int) -> None:
        there = make_bench(scenario=self.wrong(nth=nth))
        there.port.device.bootloader.chip.flash.write(FLASH, FIRMWARE[:SECTOR])
        open_device(backend=there.backend).write(FLASH, bytes(32), preserve=True, verify=False)
        assert there.flash[:SECTOR] == bytes(32) + FIRMWARE[32:SECTOR]
        assert len(there.requests(Request.UPLOAD)) == 2 * SECTOR // 2048 + further

    def test_an_answer_that_is_always_another(self, make_bench: MakeBench) -> None:
        there = make_bench(scenario=self.wrong(times=ALWAYS), seed=1)
        with pytest.raises(DeviceTimeoutError, match="2048 bytes at 0x08000000 read differently each time"):
            open_device(backend=there.backend).write(FLASH, bytes(32), preserve=True)
        assert there.commands(Erase) == []


WITHOUT_READING = parse_layout("@Internal Flash  /0x08000000/04*016Kf")


@pytest.mark.parametrize("care", [DIFF, RESUME, PRESERVE])
def test_what_cannot_be_read_cannot_be_cared_for(device: Device, care: Care) -> None:
    plan = plan_write(0, WITHOUT_READING, [Element(FLASH, b"data")], 32)
    with pytest.raises(UsageError, match="cannot be read"):
        program(device.session, [plan], care=care)


@settings(max_examples=40)
@given(
    chip=st.sampled_from(["stm32f405", "stm32l432", "stm32l083"]),
    old=st.dictionaries(st.integers(0, 40), st.binary(min_size=1, max_size=700), max_size=5),
    new=st.dictionaries(st.integers(0, 12), st.binary(min_size=1, max_size=2500), min_size=1, max_size=3),
    diff=st.booleans(),
    resume=st.booleans(),
    preserve=st.sampled_from([True, False, None]),
)
def test_whatever_is_there_and_whatever_is_written(
    tmp_path_factory: pytest.TempPathFactory,
    chip: str,
    old: dict[int, bytes],
    new: dict[int, bytes],
    diff: bool,
    resume: bool,
    preserve: bool | None,
) -> None:
    """The data ends up there, what is preserved stays, and a refusal changes nothing."""
    with bench(load(chip), tmp_path_factory.mktemp("flash") / "flash.img") as there:
        device = open_device(backend=there.backend)
        for place, data in old.items():
            device.write(FLASH + place * 777, data, preserve=True)
        before = there.flash
        written = [Element(FLASH + place * 2531, data) for place, data in new.items()]
        try:
            device.write_all(written, diff=diff, resume=resume, preserve=preserve)
        except NeighbourError:
            assert preserve is None
            assert there.flash == before
            return
        expected = bytearray(before)
        for element in written:
            offset = element.address - FLASH
            expected[offset : offset + len(element.data)] = element.data
        if preserve is not False:
            assert there.flash == expected
        for element in written:
            assert there.flash[element.address - FLASH :].startswith(element.data)


@pytest.mark.parametrize("name", available())
def test_the_erased_value_is_known_by_the_layout(name: str) -> None:
    profile = load(name)
    plan = plan_write(0, parse_layout(profile.alternates[0]), [Element(FLASH, b"x")], 4)
    assert plan.erased == profile.memory.flash.erased
