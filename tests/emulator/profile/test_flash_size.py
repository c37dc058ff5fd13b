"""``flash.size``: what it does to the sectors, and to the string that tells of them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from dfu_emulator.profile import ProfileError, evidence_for, load
from dfu_protocol import Status
from emulator.host import FLASH, Plug
from emulator.tables import rows

SIZES = """
| sectors                        | layout                                | size    | are then                | and it                              |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 512K    | 4*16K 1*64K 3*128K      | 04*016Kg,01*064Kg,03*128Kg          |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 524288  | 4*16K 1*64K 3*128K      | 04*016Kg,01*064Kg,03*128Kg          |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 1M      | 4*16K 1*64K 7*128K      | 04*016Kg,01*064Kg,07*128Kg          |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 1536K   | 4*16K 1*64K 11*128K     | 04*016Kg,01*064Kg,11*128Kg          |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 128K    | 4*16K 1*64K             | 04*016Kg,01*064Kg                   |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*064Kg,07*128Kg            | 48K     | 3*16K                   | 03*016Kg                            |
| 4*16K 1*64K 7*128K             | 04*016Kg,01*64Kg,07*128Kg             | 256K    | 4*16K 1*64K 1*128K      | 04*016Kg,01*64Kg,01*128Kg           |
| 4*16K 1*64K 7*128K 4*16K 1*64K 7*128K | 04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg | 1M | 4*16K 1*64K 7*128K | 04*016Kg,01*064Kg,07*128Kg |
| 4*16K 1*64K 7*128K 4*16K 1*64K 7*128K | 04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg | 1088K | 4*16K 1*64K 7*128K 4*16K | 04*016Kg,01*064Kg,07*128Kg,04*016Kg |
| 128*2K                         | 0128*0002Kg                           | 64K     | 32*2K                   | 0032*0002Kg                         |
| 64*2K                          | 64*02Kg                               | 512K    | 256*2K                  | 256*02Kg                            |
| 8*128K                         | 8*128Kg                               | 2M      | 16*128K                 | 16*128Kg                            |
| 1024*256                       | 1024*256 g                            | 128K    | 512*256                 | 0512*256 g                          |
| 1536*128                       | 1536*128g                             | 64K     | 512*128                 | 0512*128g                           |
| 2*128K 8*16K                   | 02*128Kg,08*016Kg                     | 128K    | 1*128K                  | 01*128Kg                            |
"""  # noqa: E501

TIMES = ", ".join(f"{size}: {{ typ: 1 ms, max: 1 ms }}" for size in ("128", "256", "2K", "16K"))


def chip(folder: Path, sectors: str, layout: str, more: str = "") -> str:
    """The path of a profile of which ``more`` is said of the flash."""
    path = folder / "mine.yaml"
    erase = "".join(f"    {width}: {{ erase: {{ {TIMES} }} }}\n" for width in ("x8", "x16", "x32"))
    path.write_text(
        "extends: stm32f405\n"
        f"alternates: ['@Internal Flash  /0x08000000/{layout}', '@Option Bytes  /0x1FFFC000/01*016 e']\n"
        f"memory:\n  flash:\n    sectors: [{sectors.replace(' ', ', ')}]\n    {more}\n"
        f"timing:\n  flash:\n{erase}"
    )
    return str(path)


@pytest.mark.parametrize("row", rows(SIZES), ids=lambda row: f"{row['layout']} of {row['size']}")
def test_sectors_and_layout_string_follow(tmp_path: Path, row: dict[str, str]) -> None:
    expected = load(chip(tmp_path, row["are then"], row["and it"]))
    path = chip(tmp_path, row["sectors"], row["layout"])
    by_setting = load(path, settings=[f"flash.size={row['size']}"])
    in_the_file = load(chip(tmp_path, row["sectors"], row["layout"], f"size: {row['size']}"))
    assert (
        replace(by_setting, evidence=())
        == replace(in_the_file, evidence=())
        == replace(expected, evidence=())
    )
    assert by_setting.alternates == (f"@Internal Flash  /0x08000000/{row['and it']}", expected.alternates[1])


@pytest.mark.parametrize("size", ["96K", "80K", "8", "0", "1048577", "1025K"])
def test_no_whole_number_of_sectors(tmp_path: Path, size: str) -> None:
    with pytest.raises(ProfileError, match="bytes are no whole number of this chip's sectors") as caught:
        load("stm32f405", settings=[f"flash.size={size}"])
    assert str(caught.value).startswith(f"--set flash.size={size}: memory.flash.size: ")
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: stm32f405\nmemory:\n  flash:\n    size: {size}\n")
    with pytest.raises(ProfileError, match="bytes are no whole number") as caught:
        load(str(path))
    assert (caught.value.file, caught.value.line, caught.value.key) == (path, 4, "memory.flash.size")


@pytest.mark.parametrize("size", ["160K", "16K"])
def test_sectors_are_left_out_at_the_end_alone(tmp_path: Path, size: str) -> None:
    path = chip(tmp_path, "2*128K 8*16K", "02*128Kg,08*016Kg")
    with pytest.raises(ProfileError, match="no whole number of this chip's sectors"):
        load(path, settings=[f"flash.size={size}"])


@pytest.mark.parametrize("size", ["512KB", "-1", "1G", "[1]", "", "true", "5000M"])
def test_no_size(size: str) -> None:
    with pytest.raises(ProfileError, match=r"size: expected a size like 512, 16K or 1M") as caught:
        load("stm32f405", settings=[f"flash.size={size}"])
    assert str(caught.value).startswith(f"--set flash.size={size}: ")


def test_a_size_in_a_mapping() -> None:
    assert load("stm32f405", settings=["flash={ size: 512K }"]).memory.flash.size == 512 * 1024
    with pytest.raises(ProfileError, match=r"^--set memory={flash: {size: 1}}: memory\.flash\.size: "):
        load("stm32f405", settings=["memory={flash: {size: 1}}"])


def test_a_flash_that_would_reach_other_memory() -> None:
    with pytest.raises(ProfileError, match="lies inside 'flash'"):
        load("stm32f405", settings=["flash.size=512M"])


def test_a_string_that_is_wrong_stays_so(tmp_path: Path) -> None:
    path = chip(tmp_path, "4*128K", "8*128Kg", "as_in_layout: false")
    profile = load(path, settings=["flash.size=256K"])
    assert profile.memory.flash.sectors == ((2, 128 * 1024),)
    assert profile.alternates == load(path).alternates


def test_sectors_that_the_string_does_not_have_one_by_one(tmp_path: Path) -> None:
    """It is not made to fit by force: which of them counts, is the profile's to say."""
    path = chip(tmp_path, "8*128K 8*128K", "16*128Kg")
    assert load(path).memory.flash.size == 2 * 1024 * 1024
    with pytest.raises(ProfileError, match=r"as_in_layout: false if the chip's string is wrong"):
        load(path, settings=["flash.size=1536K"])


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("memory: { flash: { size: 64K, sectors: 5 } }", "memory.flash.sectors"),
        ("memory: { flash: { size: 64K, sectors: 4*16K } }", "memory.flash.sectors"),
        ("memory: { flash: { size: 64K, sectors: [16K] } }", "memory.flash.sectors.0"),
        ("memory: { flash: { size: 64K, sectors: } }", "memory.flash.sectors"),
        ("memory: { flash: { size: 64K, sectors: [] } }", "memory.flash.size"),
        ("memory: { flash: { size: 64K } }\nalternates: 5", "alternates"),
        ("memory: { flash: { size: 64K } }\nalternates: []", "alternates"),
        ("memory: { flash: { size: 64K } }\nalternates: [5]", "alternates.0"),
        ("memory: { flash: [size] }", "memory.flash"),
        ("memory: [flash]", "memory"),
    ],
)
def test_odd_shapes_are_told_as_they_are(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: stm32f405\n{text}\n")
    with pytest.raises(ProfileError) as caught:
        load(str(path))
    assert (caught.value.file, caught.value.key) == (path, key)


def test_what_is_made_to_fit_is_inferred(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: stm32f405\nmemory: { flash: { size: 512K } }\n"
        "evidence: [{ kind: document, source: sheet, of: [memory.flash.size] }]\n"
    )
    profile = load(str(path))
    kinds = {
        key: evidence.kind.value
        for key in ("memory.flash.sectors", "alternates.0", "memory.flash.size", "memory.flash.start")
        if (evidence := evidence_for(profile, key))
    }
    assert kinds == {
        "memory.flash.sectors": "inferred",
        "alternates.0": "inferred",
        "memory.flash.size": "document",
        "memory.flash.start": "document",
    }


def test_the_chip_has_no_more(plug: Plug) -> None:
    host = plug(load("stm32f405", settings=["flash.size=512K"])).idle()
    end = FLASH + 512 * 1024
    assert host.write(end - 4, b"last").bStatus is Status.OK
    assert host.set_address(end).bStatus is Status.TARGET
    host.clear_status()
    assert host.erase(end).bStatus is Status.TARGET
    host.clear_status()
    assert host.mass_erase().bStatus is Status.OK
    host.abort()
    assert host.read(FLASH, 512 * 1024) == b"\xff" * 512 * 1024
