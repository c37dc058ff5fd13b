"""Real dfu-util against emulated chips, and what its logs of real ones say, in the words of dfu-util 0.11."""

import random
from pathlib import Path

import pytest

from dfu_emulator.profile import load
from end_to_end.conftest import MakeBus

pytestmark = pytest.mark.usefixtures("dfu_util")

FLASH = ("dfu-util", "-v", "-v", "-a", "0", "-s", "0x08000000")
CONTACT = ("DFU state", "Clearing", "DFU mode", "Device returned", "DfuSe interface")
FOUND_IDLE = ["DFU state(2) = dfuIDLE, status(0)"]
FOUND_IN_ERROR = ["DFU state(10) = dfuERROR, status(10)", "Clearing status", *FOUND_IDLE]


def contact(transfer_size: int, name: str) -> list[str]:
    return [
        "DFU mode device DFU version 011a",
        f"Device returned transfer size {transfer_size}",
        f'DfuSe interface name: "{name}"',
    ]


def short(lines: list[str]) -> list[str]:
    """Without dfu-util's explanations of a status."""
    return [line.split(" = No error")[0].split(" = Device's")[0] for line in lines]


def write_random(path: Path, size: int) -> None:
    path.write_bytes(random.Random(size).randbytes(size))


def test_download_to_an_stm32f107(make_bus: MakeBus, tmp_path: Path) -> None:
    write_random(tmp_path / "new", 16384)
    done = make_bus(load("stm32f107", rom_version="2000")).run(*FLASH, "-D", "new")
    assert done.code == 0
    assert short(done.lines(*CONTACT)) == FOUND_IDLE + contact(2048, "Internal Flash  ")
    assert done.lines("Memory segment") == ["Memory segment at 0x08000000 128 x 2048 = 262144 (rew)"]
    pages = range(0x08000000, 0x08004000, 2048)
    assert done.lines("Erasing") == [
        f"Erasing page size 2048 at address {page:#010x}, page starting at {page:#010x}" for page in pages
    ]
    assert done.lines("Download from") == [
        f"Download from image offset {page & 0xFFFF:08x} to memory {page:08x}-{page + 2047:08x}, size 2048"
        for page in pages
    ]
    assert done.lines("Setting address") == [f"Setting address pointer to {page:#010x}" for page in pages]


def test_download_to_an_f4_of_256_kib_with_its_poll_timeouts(make_bus: MakeBus, tmp_path: Path) -> None:
    write_random(tmp_path / "new", 2060)
    leave = (*FLASH[:-1], "0x08000000:leave")
    done = make_bus(load("stm32f401cc"), timing="real").run(*leave, "-D", "new")
    assert done.code == 0
    assert done.lines(
        "Memory segment", "Downloading", "Poll timeout", "Download from", "File downloaded", "Transitioning"
    ) == [
        "Memory segment at 0x08000000   4 x 16384 = 65536 (rew)",
        "Memory segment at 0x08010000   1 x 65536 = 65536 (rew)",
        "Memory segment at 0x08020000   1 x 131072 = 131072 (rew)",
        "Downloading element to address = 0x08000000, size = 2060",
        "Poll timeout 100 ms",
        "Poll timeout 0 ms",
        "Download from image offset 00000000 to memory 08000000-080007ff, size 2048",
        "Poll timeout 104 ms",
        "Poll timeout 0 ms",
        "Download from image offset 00000800 to memory 08000800-0800080b, size 12",
        "Poll timeout 104 ms",
        "Poll timeout 0 ms",
        "File downloaded successfully",
        "Poll timeout 104 ms",
        "Poll timeout 0 ms",
        "Transitioning to dfuMANIFEST state",
    ]


def test_upload_from_an_stm32f072(make_bus: MakeBus) -> None:
    done = make_bus(load("stm32f072")).run(*FLASH, "-U", "back")
    assert done.code == 0
    assert short(done.lines(*CONTACT)) == FOUND_IN_ERROR + contact(2048, "Internal Flash  ")
    assert done.lines("Limiting") == ["Limiting upload to end of memory segment, 131072 bytes"]


def test_download_to_an_stm32f745(make_bus: MakeBus, tmp_path: Path) -> None:
    write_random(tmp_path / "new", 1460)
    done = make_bus(load("stm32f745")).run(*FLASH, "-D", "new")
    assert done.code == 0
    assert done.lines("DFU mode", *CONTACT[3:], "Memory segment", "Erasing", "Download from") == [
        *contact(2048, "Internal Flash  "),
        "Memory segment at 0x08000000   4 x 32768 = 131072 (rew)",
        "Memory segment at 0x08020000   1 x 131072 = 131072 (rew)",
        "Memory segment at 0x08040000   3 x 262144 = 786432 (rew)",
        "Erasing page size 32768 at address 0x08000000, page starting at 0x08000000",
        "Download from image offset 00000000 to memory 08000000-080005b3, size 1460",
    ]


def test_mass_erase_of_an_stm32f767_takes_longer_than_dfu_util_waits(make_bus: MakeBus) -> None:
    """The chip holds back the answer until it is done, dfu-util gives up after 5 s: so it is."""
    mass_erase = (*FLASH[:-1], "0x08000000:mass-erase:force")
    done = make_bus(load("stm32f767"), timing="real").run(*mass_erase, "-D", "/dev/null")
    assert done.code == 74
    assert short(done.lines(*CONTACT)) == FOUND_IN_ERROR + contact(2048, "Internal Flash  ")
    assert done.lines("Performing mass erase") == ["Performing mass erase, this can take a moment"]
    assert 'Error during special command "MASS_ERASE" get_status' in done.stdout


def test_first_contact_with_an_stm32h753(make_bus: MakeBus) -> None:
    done = make_bus(load("stm32h753zi")).run("dfu-util", "-a", "0", "-s", "0x08000000:4", "-U", "back")
    assert done.code == 0
    assert done.lines("DFU mode", *CONTACT[3:]) == contact(1024, "Internal Flash   ")


@pytest.mark.parametrize(("chip", "size"), [("stm32g0b1", 29824), ("stm32h7a3", 102284)])
def test_newer_roms_begin_in_dfu_idle(make_bus: MakeBus, tmp_path: Path, chip: str, size: int) -> None:
    write_random(tmp_path / "new", size)
    done = make_bus(load(chip)).run(*FLASH, "-D", "new")
    assert done.code == 0
    assert short(done.lines(*CONTACT)) == FOUND_IDLE + contact(1024, "Internal Flash   ")
    assert done.lines("File downloaded") == ["File downloaded successfully"]
