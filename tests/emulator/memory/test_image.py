"""The flash in a file: what it outlives, and what it refuses to be."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.memory import FlashImage, ImageError
from dfu_emulator.port import DeviceGone
from dfu_emulator.profile import Profile
from dfu_protocol import Status
from emulator.host import FLASH, Plug, variant

SIZE = 1024 * 1024
BLOCK = 2048


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chip.img"


def refusal(path: Path, profile: Profile) -> str:
    """The message with which a file is refused."""
    with pytest.raises(ImageError) as error, emulated(profile, image=path):
        pass
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("erased", [0xFF, 0x00])
def test_is_created_erased_if_there_is_none(f405: Profile, plug: Plug, path: Path, erased: int) -> None:
    host = plug(variant(f405, "memory.flash", erased=erased), image=path).idle()
    assert path.read_bytes() == bytes([erased]) * SIZE
    assert host.read(FLASH, 16) == bytes([erased]) * 16


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_its_mode_is_that_of_any_new_file(f405: Profile, path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        FlashImage(path, f405.memory.flash).close()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_nothing_but_the_image_is_left_in_its_folder(f405: Profile, path: Path) -> None:
    with emulated(f405, image=path):
        assert [file.name for file in path.parent.iterdir()] == ["chip.img"]
    assert [file.name for file in path.parent.iterdir()] == ["chip.img"]


def test_follows_every_write_and_erase(plug: Plug, path: Path) -> None:
    host = plug(image=path).idle()
    host.write(FLASH + 0x4000, b"sector 1")
    host.write(FLASH + 0xFFFFC, b"last")
    expected = bytearray(b"\xff" * SIZE)
    expected[0x4000:0x4008] = b"sector 1"
    expected[-4:] = b"last"
    assert path.read_bytes() == expected
    host.erase(FLASH + 0x4000)
    expected[0x4000:0x4008] = b"\xff" * 8
    assert path.read_bytes() == expected
    host.mass_erase()
    assert path.read_bytes() == b"\xff" * SIZE


def test_outlives_the_device(plug: Plug, path: Path, f405: Profile) -> None:
    with emulated(f405, image=path) as port:
        port.configure()
        port.device.bootloader.chip.flash.write(FLASH, b"kept")
    assert plug(image=path).idle().read(FLASH, 4) == b"kept"


def test_an_existing_file_is_used_as_it_is(plug: Plug, path: Path) -> None:
    contents = bytes(number % 251 for number in range(SIZE))
    path.write_bytes(contents)
    inode = path.stat().st_ino
    host = plug(image=path).idle()
    assert host.read(FLASH, SIZE) == contents
    host.write(FLASH, bytes(4))
    assert path.read_bytes() == bytes(4) + contents[4:]
    assert path.stat().st_ino == inode


def test_a_file_that_appears_at_the_last_moment_is_not_replaced(
    f405: Profile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"\x11" * SIZE)
    inode = path.stat().st_ino
    monkeypatch.setattr(Path, "exists", lambda *_args, **_options: False)
    image = FlashImage(path, f405.memory.flash)
    image.close()
    assert image.cells == b"\x11" * SIZE
    assert (path.read_bytes(), path.stat().st_ino) == (b"\x11" * SIZE, inode)


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE + 1, SIZE // 2])
def test_a_file_of_another_size_is_refused_and_left_alone(f405: Profile, path: Path, size: int) -> None:
    path.write_bytes(b"\x22" * size)
    message = refusal(path, f405)
    assert str(size) in message
    assert str(SIZE) in message
    assert path.read_bytes() == b"\x22" * size


def test_one_chip_at_a_time(f405: Profile, path: Path) -> None:
    with emulated(f405, image=path) as port:
        port.device.bootloader.chip.flash.write(FLASH, b"mine")
        assert "in use" in refusal(path, f405)
        assert path.read_bytes()[:4] == b"mine"
    with emulated(f405, image=path) as port:
        assert port.device.bootloader.chip.flash.read(FLASH, 4) == b"mine"


def test_a_refused_file_is_not_kept_locked(f405: Profile, path: Path) -> None:
    path.write_bytes(b"short")
    refusal(path, f405)
    path.write_bytes(b"\xff" * SIZE)
    with emulated(f405, image=path):
        pass


def test_a_folder_is_no_image(f405: Profile, tmp_path: Path) -> None:
    refusal(tmp_path, f405)
    assert tmp_path.is_dir()


def test_a_missing_folder_is_not_made(f405: Profile, tmp_path: Path) -> None:
    refusal(tmp_path / "missing" / "chip.img", f405)
    assert list(tmp_path.iterdir()) == []


# Erases two sectors and fills them with the number of the round, over and over, until it is killed.
WRITER = """
import sys
from itertools import count
from pathlib import Path
from dfu_emulator.emulation import emulated
from dfu_protocol import Request, SetupPacket

with emulated("stm32f405", image=Path(sys.argv[1])) as port:
    def job(block, data):
        port.control(SetupPacket.dfu(Request.DNLOAD, block, len(data)), data)
        port.control(SetupPacket.dfu(Request.GETSTATUS, 0, 6))
        assert port.control(SetupPacket.dfu(Request.GETSTATUS, 0, 6)).data[0] == 0

    port.configure()
    port.control(SetupPacket.dfu(Request.CLRSTATUS))
    for number in count(1):
        for sector in range(2):
            job(0, b"\\x41" + (0x08000000 + sector * 0x4000).to_bytes(4, "little"))
            for block in range(sector * 8, sector * 8 + 8):
                job(2 + block, number.to_bytes(2, "big") * 1024)
            print(number, sector, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 7, 40, 101])
def test_a_killed_process_leaves_whole_blocks(f405: Profile, plug: Plug, path: Path, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    contents = path.read_bytes()
    assert len(contents) == SIZE
    assert contents[16 * BLOCK :] == b"\xff" * (SIZE - 16 * BLOCK)
    number, sector = map(int, next(line for line in reversed(told) if line.endswith("\n")).split())
    for index in range(16):
        block = contents[index * BLOCK : (index + 1) * BLOCK]
        assert block == block[:2] * (BLOCK // 2), f"block {index} is half written"
        # What was reported as written is there, or the next round has begun.
        assert int.from_bytes(block[:2], "big") >= (number if index < 8 or sector else number - 1)
    assert plug(image=path).idle().read(FLASH, 16 * BLOCK) == contents[: 16 * BLOCK]


def test_a_disk_that_fails_is_told(f405: Profile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = FlashImage(path, f405.memory.flash)

    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(ImageError, match="No space left on device"):
        image.write(0, b"data")
    image.close()


def test_a_disk_that_fails_takes_the_device_away(
    plug: Plug, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may look flashed that is not in the file."""
    host = plug(image=path).idle()

    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    host.dnload(2, b"data")
    with pytest.raises(DeviceGone):
        host.get_status()
    assert not host.port.attached
    assert "No space left on device" in str(host.port.failure)
    assert host.port.device.bootloader.chip.flash.read(FLASH, 4) == b"\xff" * 4


def test_a_closed_image_writes_into_no_other_file(f405: Profile, path: Path, tmp_path: Path) -> None:
    image = FlashImage(path, f405.memory.flash)
    image.close()
    with (tmp_path / "precious").open("w+b") as precious:  # gets the number that the image had
        precious.write(b"precious")
        precious.flush()
        with pytest.raises(ImageError):
            image.write(0, b"firmware")
        assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_folder_without_hard_links_will_do(
    f405: Profile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    FlashImage(path, f405.memory.flash).close()
    assert path.read_bytes() == b"\xff" * SIZE
    assert list(path.parent.iterdir()) == [path]


def test_reads_and_writes_that_the_system_cuts_short_are_finished(
    f405: Profile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = bytes(number % 251 for number in range(SIZE))
    path.write_bytes(contents)
    pread, pwrite = os.pread, os.pwrite
    monkeypatch.setattr("os.pread", lambda file, size, offset: pread(file, min(size, 100_000), offset))
    monkeypatch.setattr("os.pwrite", lambda file, data, offset: pwrite(file, data[:1000], offset))
    image = FlashImage(path, f405.memory.flash)
    assert image.cells == contents
    image.write(5000, b"\x5a" * 4096)
    image.close()
    assert path.read_bytes() == contents[:5000] + b"\x5a" * 4096 + contents[9096:]


def test_a_protected_chip_has_an_image_too(plug: Plug, path: Path) -> None:
    host = plug(image=path).idle()
    host.write(FLASH, b"code")
    assert host.start_reset(b"\x92").bStatus is Status.OK
    assert path.read_bytes() == b"\xff" * SIZE
