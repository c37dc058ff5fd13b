"""Real dfu-util 0.11 against the emulated STM32F405."""

import random
from pathlib import Path

import pytest

from dfu_protocol.firmware_file import DfuSeFile, Element, Target
from end_to_end.conftest import Emulator

pytestmark = pytest.mark.usefixtures("dfu_util")

MIB = 1 << 20
FLASH = "dfu-util -a 0 -s 0x08000000"
FLASH_ONCE_THERE = "dfu-util -w -a 0 -s 0x08000000"

# As dfu-util printed them for real chips: alternate 0 for an STM32F405/407, the others for a 512 KiB F4.
NAMES = (
    "@Device Feature/0xFFFF0000/01*004 e",
    "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
    "@Option Bytes  /0x1FFFC000/01*016 e",
    "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
)


def firmware(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def application(size: int) -> bytes:
    """What the ROM takes for an application: stack pointer into RAM, Thumb reset vector into flash."""
    return bytes.fromhex("00000220 01020008") + firmware(size - 8)


def test_list_is_a_real_chips_letter_for_letter(chip: Emulator) -> None:
    done = chip("dfu-util -l", "--serial", "337938943430")
    assert done.code == 0
    assert done.lines("Found DFU: ") == [
        'Found DFU: [0483:df11] ver=2200, devnum=2, cfg=1, intf=0, path="1-1", '
        f'alt={alternate}, name="{name}", serial="337938943430"'
        for alternate, name in zip((3, 2, 1, 0), NAMES, strict=True)
    ]


def test_strings_of_odd_lengths_are_shown_as_they_are(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("extends: stm32f405\nalternate_tails: ['00', '00', '', '00']\n")
    done = emulator("exec", "--profile", "./odd.yaml", "--", "dfu-util", "-l")
    assert [line.split('name="')[1].split('"')[0] for line in done.lines("Found DFU: ")] == list(NAMES)


def test_a_flash_of_half_the_size(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "half.yaml").write_text("extends: stm32f405\nmemory: { flash: { size: 512K } }\n")
    script = "dfu-util -l && dfu-util -a 0 -s 0x08000000:524288 -U all.bin"
    done = emulator("exec", "--profile", "./half.yaml", "--", "sh", "-c", script)
    assert done.code == 0
    assert 'name="@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg"' in done.output
    assert (tmp_path / "all.bin").read_bytes() == b"\xff" * (MIB // 2)
    done = emulator("exec", "--profile", "./half.yaml", "--", *f"{FLASH}:524289 -U more.bin".split())
    assert done.code != 0


def test_serial_number_is_made_from_the_unique_id(chip: Emulator) -> None:
    # Unique id and serial number of one F4, posted in ST's forum.
    done = chip("dfu-util -l", "--uid", "002d0030-3334510b-32313533")
    assert done.output.count('serial="325E35633334"') == 4


def test_download_shows_the_states_of_a_real_f4(chip: Emulator, tmp_path: Path) -> None:
    """The sequence of dfu-util's log of an STM32F4DISCOVERY, in the words of dfu-util 0.11."""
    (tmp_path / "new.bin").write_bytes(firmware(2308))
    done = chip(f"{FLASH} -v -v -v -D new.bin")
    assert done.code == 0
    shown = ("DFU state", "Clearing", "DFU mode", "Device returned", "DfuSe interface", "Memory segment")
    assert [line.split(" = Device's")[0].split(" = No error")[0] for line in done.lines(*shown)] == [
        "DFU state(10) = dfuERROR, status(10)",
        "Clearing status",
        "DFU state(2) = dfuIDLE, status(0)",
        "DFU mode device DFU version 011a",
        "Device returned transfer size 2048",
        'DfuSe interface name: "Internal Flash  "',
        "Memory segment at 0x08000000   4 x 16384 = 65536 (rew)",
        "Memory segment at 0x08010000   1 x 65536 = 65536 (rew)",
        "Memory segment at 0x08020000   7 x 131072 = 917504 (rew)",
    ]
    assert done.lines("Erasing", "Download from", "Setting address") == [
        "Erasing page size 16384 at address 0x08000000, page starting at 0x08000000",
        "Download from image offset 00000000 to memory 08000000-080007ff, size 2048",
        "Setting address pointer to 0x08000000",
        "Download from image offset 00000800 to memory 08000800-08000903, size 260",
        "Setting address pointer to 0x08000800",
    ]


def test_a_full_mebibyte_goes_there_and_back(chip: Emulator, tmp_path: Path) -> None:
    image = firmware(MIB)
    (tmp_path / "new.bin").write_bytes(image)
    done = chip(f"{FLASH} -D new.bin && {FLASH}:{MIB}:force -U back.bin")
    assert done.code == 0, done.output
    assert (tmp_path / "back.bin").read_bytes() == image
    assert (tmp_path / "flash.bin").read_bytes() == image


def test_an_upload_ends_with_its_memory_segment(chip: Emulator, tmp_path: Path) -> None:
    done = chip("dfu-util -a 0 -s 0x08010000 -U back.bin")
    assert "Limiting upload to end of memory segment, 65536 bytes" in done.stdout
    assert (tmp_path / "back.bin").read_bytes() == b"\xff" * 65536


def test_mass_erase(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(firmware(MIB))
    done = chip(f"{FLASH}:mass-erase:force")
    assert done.code == 0
    assert "Performing mass erase" in done.stdout
    assert (tmp_path / "flash.bin").read_bytes() == b"\xff" * MIB


def test_unprotect_makes_the_chip_leave_and_come_back_erased(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(firmware(MIB))
    script = f"""
        {FLASH}:4 -U kept.bin; echo first $?
        {FLASH}:unprotect:force; echo second $?
        {FLASH_ONCE_THERE}:4 -U back.bin
    """
    done = chip(script, "--rdp", "1")
    assert done.lines("first", "second") == ["first 74", "second 0"]
    assert "Device disconnects, erases flash and resets now" in done.stdout
    assert done.code == 0
    assert (tmp_path / "back.bin").read_bytes() == b"\xff" * 4


def test_unprotect_with_boot0_low_keeps_the_chip_away(chip: Emulator) -> None:
    done = chip(f"{FLASH}:unprotect:force; dfu-util -l", "--rdp", "1", "--boot0", "low")
    assert done.lines("Found DFU") == []


def test_read_protection_is_told(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "new.bin").write_bytes(firmware(8))
    done = chip(f"{FLASH} -D new.bin || {FLASH} -D new.bin", "--rdp", "1")
    assert done.code != 0
    assert done.output.count("ERASE_PAGE not correctly executed") == 2
    # The second run finds what the first one left behind.
    assert "DFU state(10) = dfuERROR, status(11) = iString indicates a vendor specific error" in done.output


def test_leave_starts_the_application(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "new.bin").write_bytes(application(4096))
    done = chip(f"{FLASH}:leave -D new.bin && dfu-util -l")
    assert done.code == 0
    assert "Transitioning to dfuMANIFEST state" in done.stdout
    assert done.lines("Found DFU") == []


def test_leave_without_an_application_comes_back(chip: Emulator) -> None:
    done = chip(f"{FLASH}:4:leave -U back.bin && {FLASH_ONCE_THERE}:4 -U again.bin && dfu-util -l")
    assert done.code == 0
    assert len(done.lines("Found DFU")) == 4


def test_a_running_dfu_util_waits_for_the_chip_to_come_back(chip: Emulator, tmp_path: Path) -> None:
    """-w finds a chip that is not there yet when dfu-util starts, by its hot-plug event."""
    script = f"{FLASH}:unprotect:force; {FLASH_ONCE_THERE}:4 -U back.bin"
    done = chip(script, "--rdp", "1", "--profile", str(short_mass_erase(tmp_path)), "--timing", "real")
    assert done.code == 0, done.output
    assert (tmp_path / "back.bin").read_bytes() == b"\xff" * 4


def short_mass_erase(folder: Path) -> Path:
    """An F405 that is away for half a second only."""
    profile = folder / "quick.yaml"
    shipped = Path(__file__).resolve().parents[2] / "profiles" / "stm32f405.yaml"
    profile.write_text(f"extends: {shipped}\ntiming: {{flash: {{x8: {{mass_erase: {{typ: 250 ms}}}}}}}}\n")
    return profile


def test_reset_after_upload(chip: Emulator) -> None:
    """-R: the ROM stalls DFU_DETACH, dfu-util says so and resets the bus."""
    done = chip(f"{FLASH}:4 -U back.bin -R && dfu-util -l")
    assert done.code == 0
    assert "can't detach" in done.output
    assert "Resetting USB to switch back to Run-Time mode" in done.stdout
    assert len(done.lines("Found DFU")) == 4


def test_a_dfuse_file_with_two_targets(chip: Emulator, tmp_path: Path) -> None:
    code, data, feature = firmware(5000), firmware(100, seed=2), bytes.fromhex("03ffffff")
    file = DfuSeFile(
        (
            Target(0, (Element(0x08000000, code), Element(0x08020000, data)), "flash"),
            Target(3, (Element(0xFFFF0000, feature),), "feature"),
        )
    )
    (tmp_path / "new.dfu").write_bytes(file.build())
    script = "dfu-util -D new.dfu && dfu-util -a 3 -s 0xFFFF0000 -U feature.bin"
    done = chip(script)
    assert done.code == 0, done.output
    flash = (tmp_path / "flash.bin").read_bytes()
    assert flash[:5000] == code
    assert flash[0x20000 : 0x20000 + 100] == data
    assert (tmp_path / "feature.bin").read_bytes() == feature


@pytest.mark.parametrize(
    ("alternate", "address", "size"), [(1, "0x1FFFC000", 16), (2, "0x1FFF7800", 512), (3, "0xFFFF0000", 4)]
)
def test_other_alternates_can_be_read(
    chip: Emulator, tmp_path: Path, alternate: int, address: str, size: int
) -> None:
    done = chip(f"dfu-util -a {alternate} -s {address} -U back.bin")
    assert done.code == 0
    contents = (tmp_path / "back.bin").read_bytes()
    assert len(contents) == size
    if alternate == 1:
        assert contents[1] == 0xAA  # read protection level 0


def test_option_bytes_reset_the_chip_in_the_middle_of_the_exchange(chip: Emulator, tmp_path: Path) -> None:
    options = bytearray(b"\xff" * 16)
    options[1], options[8] = 0xAA, 0xFE  # sector 0 write protected
    (tmp_path / "options.bin").write_bytes(options)
    write = "dfu-util -a 1 -s 0x1FFFC000 -D options.bin"
    (tmp_path / "new.bin").write_bytes(firmware(16384))
    done = chip(f"{write}; code=$?; echo; echo first $code; {FLASH} -D new.bin")
    assert done.lines("first") == ["first 74"]
    assert "Error during download get_status" in done.output
    # The chip is back, and says nothing of the write protection that keeps its flash as it was.
    assert done.code == 0
    assert (tmp_path / "flash.bin").read_bytes() == b"\xff" * MIB


def test_will_reset_is_for_option_bytes(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "options.bin").write_bytes(b"\xff\xaa" + b"\xff" * 14)
    done = chip("dfu-util -a 1 -s 0x1FFFC000:will-reset -D options.bin")
    assert done.code == 0, done.output


def test_misaligned_firmware_fails(chip: Emulator, tmp_path: Path) -> None:
    (tmp_path / "new.bin").write_bytes(firmware(2049))
    done = chip(f"{FLASH} -D new.bin")
    assert done.code != 0
    assert "status(6)" in done.output  # errPROG
    assert (tmp_path / "flash.bin").read_bytes()[:2048] == firmware(2049)[:2048]
