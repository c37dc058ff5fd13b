"""A draft of any chip at all shows a host what was read of it."""

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dfu_emulator.draft import draft_profile
from dfu_emulator.profile import Profile, available, load
from dfu_protocol import parse_layout
from emulator.host import variant
from emulator.survey.boards import survey_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SIZES = st.sampled_from(["256 ", "512B", "001K", "2K", "004K", "16K", "064K", "128K"])
RUNS = st.tuples(st.integers(1, 16), st.integers(1, 4), SIZES, st.sampled_from(["", "a", "e", "g"]))


@st.composite
def layouts(draw: st.DrawFn, name: str, start: int) -> str:
    """A layout string, with whatever spaces, zeros and junk."""
    runs = draw(st.lists(RUNS, min_size=1, max_size=4))
    pages = ",".join(f"{count:0{width}d}*{size}{kind}" for count, width, size, kind in runs)
    spaces = " " * draw(st.integers(0, 3))
    return f"@{name}{spaces}/0x{start:08X}/{pages}{draw(st.sampled_from(['', ' ', ';', ' e', '/']))}"


@st.composite
def chips(draw: st.DrawFn) -> Profile:
    """A shipped chip with other strings, layouts and numbers."""
    chip = load(draw(st.sampled_from(available())))
    texts = list(chip.alternates)
    if draw(st.booleans()):
        texts[0] = draw(layouts("Internal Flash", 0x08000000))
    for name, start in (
        ("Option Bytes", 0x50000000),
        ("OTP Memory", 0x51000000),
        ("DATA Memory", 0x52000000),
        ("Device Feature", 0x53000000),
        ("Never Seen", 0x54000000),
    ):
        if draw(st.booleans()):
            texts = [text for text in texts if not text.startswith(f"@{name}")]
            texts.append(draw(layouts(name, start)))
    chip = replace(chip, alternates=tuple(texts))
    chip = variant(
        chip,
        "usb",
        manufacturer=draw(TEXTS),
        product=draw(TEXTS),
        bcdDevice=draw(st.integers(0, 0xFFFF)),
        device_status=draw(st.sampled_from([None, 0, 1])),
    )
    chip = variant(chip, "usb.configuration", bmAttributes=draw(st.sampled_from([0x80, 0xC0])))
    chip = variant(chip, "dfu", wTransferSize=draw(st.sampled_from([64, 1024, 2048, 4096])))
    return variant(chip, "timing.poll_timeout", set_address=draw(st.integers(0, 500)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(chips())
@example(variant(load("stm32f405"), "usb", product="\x85\u2028\ufeff", manufacturer=" a\tb\n\n c "))
def test_any_chip(tmp_path: Path, chip: Profile) -> None:
    survey = survey_of(chip)
    path = tmp_path / "draft.yaml"
    path.write_text(draft_profile(survey, name="mine", source="a test").text, "utf-8")
    made = load(str(path))
    shown = survey_of(made)
    assert shown.alternates == survey.alternates
    # What was not read, like a first contact in dfuIDLE, is the base's.
    assert {key: shown.values.get(key) for key in survey.values} == survey.values
    if made.memory.flash.as_in_layout:
        told = [page for segment in parse_layout(chip.alternates[0]).segments for page in segment.pages()]
        assert sum(size for _, size in told) == made.memory.flash.size
