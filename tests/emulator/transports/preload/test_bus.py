"""A bus is set up and taken down, against the installed libumockdev-preload."""

import errno
from pathlib import Path

import pytest

from dfu_emulator.port import Port
from dfu_emulator.transports.preload import PreloadBus, PreloadError
from emulator.transports.preload.programs import finish, start


def test_a_bus_that_cannot_be_made_leaves_nothing(
    port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("dfu_emulator.transports.preload.sysfs.add", fail)
    with pytest.raises(PreloadError, match="No space left on device"):
        PreloadBus(port).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_everything_is_taken_down(port: Port) -> None:
    with PreloadBus(port) as bus:
        folder = Path(bus.environment()["UMOCKDEV_DIR"])
        assert folder.is_dir()
    assert not folder.exists()


def test_other_preloaded_libraries_stay(bus: PreloadBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "libother.so")
    assert bus.environment()["LD_PRELOAD"] == "libumockdev-preload.so.0:libother.so"


def test_a_temporary_folder_with_a_long_name_is_no_trouble(
    port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with PreloadBus(port) as bus:
        assert finish(start(bus, "print(json.dumps(find() is not None))")) is True


def test_missing_library_is_one_sentence(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfu_emulator.transports.preload.bus.LIBRARY", "libnot-there.so")
    with pytest.raises(PreloadError, match=r"^libnot-there.so is missing: .*'sudo apt install umockdev'$"):
        PreloadBus(port).__enter__()
