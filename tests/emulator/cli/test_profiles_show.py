"""``dfu-emulator profiles show``: a chip for a person, and as JSON."""

import json
from pathlib import Path

import pytest
import yaml

from dfu_emulator.cli import main
from dfu_emulator.profile import available, load
from dfu_emulator.profile.quirks import quirks_of
from dfu_emulator.profile.values import values
from emulator.cli.conftest import Command, Done


def section(done: Done, title: str) -> list[str]:
    """The lines under a title."""
    start = next(n for n, line in enumerate(done.lines) if line.startswith(title))
    return [line.strip() for line in done.lines[start + 1 : done.lines.index("", start)]]


@pytest.mark.parametrize("name", available())
def test_every_profile(profiles: Command, name: str) -> None:
    profile = load(name)
    done = profiles("show", name)
    assert (done.code, done.stderr) == (0, "")
    assert done.lines[0] == f"{name}: {profile.part}, family {profile.family}"
    for text in profile.alternates:
        assert f'"{text}"' in done.stdout
    for quirk in quirks_of(profile):
        assert quirk.word in done.stdout


def test_a_name_as_on_the_chip(profiles: Command) -> None:
    assert profiles("show", "STM32F407VGT6").lines[:3] == [
        "stm32f405: STM32F405RG, family STM32F4",
        "also as stm32f407vg",
        "ROM version 2200",
    ]


def test_an_unknown_name(profiles: Command) -> None:
    done = profiles("show", "stm32x405")
    assert (done.code, done.stdout) == (2, "")
    assert "no profile is called 'stm32x405'; did you mean 'stm32f405'?" in done.stderr


def test_strings_with_marks_for_how_they_are_known(profiles: Command) -> None:
    done = profiles("show", "stm32f405")
    assert section(done, "alternates") == [
        '●  0  "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"',
        '○  1  "@Option Bytes  /0x1FFFC000/01*016 e"',
        '○  2  "@OTP Memory /0x1FFF7800/01*512 e,01*016 e"',
        '○  3  "@Device Feature/0xFFFF0000/01*004 e"',
    ]
    assert '●  iProduct             "STM32  BOOTLOADER"' in section(done, "USB")
    assert "◐  bcdDevice            2200" in section(done, "USB")


def test_memory_map_is_to_scale(profiles: Command) -> None:
    done = profiles("show", "stm32f405")
    assert "memory map, a column is 16K" in done.lines
    bars = {}
    for line in section(done, "memory map")[1:]:
        mark, address, rest = line.split(maxsplit=2)
        assert mark in "●◐○"
        bars[address] = rest
    assert list(bars) == sorted(bars)
    flash = bars["0x08000000"]
    assert flash.startswith("flash           1M     ")
    # 16 KiB is one column: four of them, one of 64 KiB, seven of 128 KiB.
    assert flash.split()[2] == "█▒█▒████" + "▒▒▒▒▒▒▒▒████████" * 3 + "▒▒▒▒▒▒▒▒"
    assert flash.endswith("4*16K, 1*64K, 7*128K")
    assert bars["0x20003000"].split() == ["RAM", "116K", "███████▎"]
    assert bars["0x1FFFC000"].split() == ["option", "bytes", "16", "▏"]
    assert "bootloader id 0x91 at 0x1FFF77DE" in bars["0x1FFF0000"]
    assert bars["0x1FFF7800"].split()[:2] == ["OTP", "528"]


def test_sectors_smaller_than_a_column(profiles: Command) -> None:
    (flash, *_rest) = section(profiles("show", "stm32l083"), "memory map")[1:]
    assert flash.split()[4] == "█" * 48  # of 4 KiB
    (flash, *_rest) = section(profiles("show", "stm32f429"), "memory map")[1:]
    # 32 KiB a column: two sectors of 16 KiB share one.
    assert flash.split()[4] == ("█▒██▒▒▒▒" + "████▒▒▒▒" * 3) * 2


def test_a_terminal_without_blocks(profiles: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console.Console.encoding", "ascii")
    done = profiles("show", "stm32f405")
    assert done.stdout.isascii()
    assert "#=#=####" in section(done, "memory map")[1]
    assert section(done, "alternates")[0].startswith('#  0  "@Internal Flash')
    assert section(done, "alternates")[1].startswith('-  1  "@Option Bytes')


def test_times_beside_what_the_chip_reports(profiles: Command) -> None:
    told = [" ".join(line.split()) for line in section(profiles("show", "stm32f405"), "times")]
    assert "◐ x8 mass erase 16 s 32 s 100 ms" in told
    assert "◐ x8 erase 16K 400 ms 800 ms 100 ms" in told
    assert "◐ x32 erase 128K 1 s 2 s 100 ms" in told
    assert "◐ x8 program 4 bytes 16 us 100 us" in told
    assert "◐ x8 write 2048 bytes 8.192 ms 51.2 ms 104 ms" in told
    assert "○ set address 104 ms" in told
    assert "◐ reset to USB 250 ms" in told


def test_times_are_those_of_the_chips_sectors(profiles: Command) -> None:
    assert not any("256K" in line for line in section(profiles("show", "stm32f722"), "times"))


def test_writing(profiles: Command) -> None:
    f405 = [line[3:] for line in section(profiles("show", "stm32f405"), "writing")]
    assert "erased flash       reads 0xff" in f405
    assert "writing over data  clears bits and reports OK" in f405
    assert "read protection    byte 1: 0xaa is level 0, 0xcc is level 2, all else is level 1" in f405
    assert any(line.startswith("OTP") and line.endswith("a lock byte for each block") for line in f405)
    l083 = [line[3:] for line in section(profiles("show", "stm32l083"), "writing")]
    assert "erased flash       reads 0x00" in l083
    assert "complements        after each 2 bytes stand their complements" in l083
    assert "EEPROM             6K, written without an erase" in l083


def test_quirks_with_their_consequences(profiles: Command) -> None:
    told = section(profiles("show", "stm32h743"), "quirks")
    (wedges,) = (line for line in told if "wedges" in line)
    assert wedges.startswith("●  wedges")
    assert "an erase at or above 0x08100000 is done but stays in dfuDNBUSY for ever" in wedges


def test_rom_versions(profiles: Command) -> None:
    told = [" ".join(line.split()) for line in section(profiles("show", "stm32f405"), "ROM versions")]
    assert told == [
        "2200 is the one above",
        "2100 has another usb.bcdDevice, alternates, memory.ram, memory.system.bootloader_id",
    ]
    other = profiles("show", "stm32f405", "--rom-version", "2100")
    assert other.lines[2] == "ROM version 2100"
    assert "●  bcdDevice            2100" in section(other, "USB")
    assert "01*016 g" in section(other, "alternates")[1]
    assert "ROM versions" not in other.lines
    assert "ROM versions" not in profiles("show", "stm32l083").lines


def test_settings(profiles: Command) -> None:
    done = profiles("show", "stm32f405", "--set", "flash.size=512K", "--set", "usb.product=Mine")
    assert "04*016Kg,01*064Kg,03*128Kg" in section(done, "alternates")[0]
    assert '?  iProduct             "Mine"' in section(done, "USB")
    assert "no evidence given" in done.stdout


def test_summary_of_the_evidence(profiles: Command) -> None:
    done = profiles("show", "stm32f405")
    known = [value.kind and value.kind.value for value in values(load("stm32f405"))]
    told = done.lines[done.lines.index("evidence") + 1 :]
    assert told == [
        f"  ●  {known.count('hardware')} of {len(known)} values seen on hardware",
        f"  ◐  {known.count('document')} of {len(known)} values documented",
        f"  ○  {known.count('inferred')} of {len(known)} values only inferred",
    ]


def test_evidence(profiles: Command) -> None:
    rows = {
        line.split()[0]: line for line in profiles("show", "stm32f405", "--evidence").lines if line.strip()
    }
    for value in values(load("stm32f405")):
        assert value.kind is not None
        assert value.kind.value in rows[value.path]
    assert "STM32CubeProgrammer lists for an F405" in rows["memory.option_bytes.areas.0.start"]
    assert "timing.connect" not in profiles("show", "stm32f405").stdout


def test_json_has_a_whole_profile(profiles: Command, tmp_path: Path) -> None:
    told = json.loads(profiles("show", "stm32h743", "--json").stdout)
    path = tmp_path / "whole.yaml"
    path.write_text(yaml.safe_dump(told["profile"]))
    assert load(str(path)) == load("stm32h743")


def test_json_has_quirks_and_evidence(profiles: Command) -> None:
    told = json.loads(profiles("show", "stm32h743", "--json").stdout)
    (wedges,) = (quirk for quirk in told["quirks"] if quirk["word"] == "wedges")
    assert wedges["key"] == "bootloader.wedge_from"
    assert wedges["consequence"].startswith("an erase at or above 0x08100000")
    by_key = {value["key"]: value for value in told["values"]}
    assert by_key["usb.fixed_serial"]["value"] == "200364500000"
    assert by_key["usb.fixed_serial"]["kind"] == "hardware"
    assert "ST's forum" in by_key["usb.fixed_serial"]["source"]
    assert by_key["timing.connect"]["value"] == "53.976 ms"


@pytest.mark.parametrize("columns", [80, 120])
def test_map_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    assert main(["profiles", "show", "stm32f405"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    (flash,) = (line for line in lines if "0x08000000  flash" in line)
    assert "4*16K, 1*64K, 7*128K" in flash
