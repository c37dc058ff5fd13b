"""docs/dfu-util-to-dfu-host.md: complete, and true."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.preload import PreloadBus
from dfu_host.cli import COMMANDS, main
from dfu_protocol.firmware_file import Element, Target
from host_client.bench import FLASH
from host_client.cli.samples import CODE, PROTECTED, dfuse

PAGE = Path(__file__).parents[3] / "docs" / "dfu-util-to-dfu-host.md"
TIME_LIMIT = 120


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = PAGE.read_text().partition(f"# {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


RECIPES = rows("From dfu-util to dfu-host")
OPTIONS = {option: row[1] for row in rows("Option by option") for option in re.findall(r"`([^`]+)`", row[0])}


@pytest.mark.usefixtures("dfu_util")
def test_every_option_of_the_installed_dfu_util_is_there() -> None:
    done = subprocess.run(["dfu-util", "--help"], capture_output=True, text=True, timeout=TIME_LIMIT)
    text = done.stdout + done.stderr
    flags = {flag for line in re.findall(r"^ +(-\w) (--[\w-]+)", text, re.MULTILINE) for flag in line}
    modifiers = set(re.findall(r"^\t\t([\w<>-]+)\t\t?\w", text, re.MULTILINE))
    assert len(flags) > 30
    assert {"leave", "<length>"} <= modifiers
    assert flags | {f"-s ...:{modifier}" for modifier in modifiers} <= OPTIONS.keys()


@pytest.mark.parametrize("option", OPTIONS)
def test_what_it_names_exists(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    cell = OPTIONS[option]
    named = [name for name in COMMANDS if f"dfu-host {name}" in cell]
    shown = ""
    for command in [[], ["info"], ["read"], ["unprotect"], *([name] for name in named), ["options", "write"]]:
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        shown += capsys.readouterr().out
    for code in re.findall(r"`([^`]+)`", cell):
        if code.startswith("dfu-host "):
            assert code.split()[1] in [*COMMANDS, "COMMAND"]
        for flag in re.findall(r"(?<!\w)--?[a-z][\w-]*", code):
            assert re.search(rf"{flag}\b", shown), flag


@pytest.mark.usefixtures("dfu_util")
@pytest.mark.parametrize("row", RECIPES, ids=[row[0] for row in RECIPES])
def test_recipes_do_the_same(row: list[str], tmp_path: Path) -> None:
    outcomes = []
    for number, cell in enumerate(row[1:]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "firmware.bin").write_bytes(CODE + b"\xff\xff")
        (folder / "options.bin").write_bytes(PROTECTED)
        dfuse(folder / "firmware.dfu", Target(0, (Element(FLASH, CODE + b"\xff\xff"),)))
        image = folder / "flash.img"
        image.write_bytes(bytes(range(256)) * 4096)
        rdp = 1 if "unprotect" in cell else 0
        with emulated("stm32f405", image=image, rdp=rdp) as port, PreloadBus(port) as bus:
            done = subprocess.run(
                shlex.split(cell.strip("`")),
                cwd=folder,
                env=bus.environment(),
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            chip = port.device.bootloader.chip
            back = folder / "back.bin"
            outcomes.append(
                (
                    bytes(chip.flash.cells),
                    chip.option_bytes.rdp_level,
                    back.read_bytes() if back.exists() else None,
                )
            )
    assert outcomes[0] == outcomes[1]
