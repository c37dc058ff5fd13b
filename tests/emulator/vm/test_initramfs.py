"""The guest's first files."""

import gzip
import lzma
import struct
import sys
from pathlib import Path

import pytest

from dfu_emulator.vm import Kernel, VmError, initramfs

DEPENDENCIES = """\
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko
kernel/net/9p/9pnet.ko:
kernel/fs/netfs.ko:
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko
kernel/fs/overlay.ko.gz:
kernel/fs/other.ko:
"""
BUSYBOX = struct.pack(
    "<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0
)
"""A program for x86-64 that needs no other file."""


def entries(archive: bytes) -> dict[str, bytes]:
    found, at = {}, 0
    while at < len(archive):
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[start : start + 8], 16) for start in range(at + 6, at + 110, 8)]
        size, name_size = fields[6], fields[11]
        data_at = at + (110 + name_size + 3) // 4 * 4
        found[archive[at + 110 : at + 109 + name_size].decode()] = archive[data_at : data_at + size]
        at = data_at + (size + 3) // 4 * 4
    return found


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    kernel = Kernel("6.1.0-1-amd64", tmp_path)
    for line in DEPENDENCIES.splitlines():
        path = kernel.modules / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        contents = path.name.split(".")[0].encode()
        packed = {".xz": lzma.compress(contents), ".gz": gzip.compress(contents)}
        path.write_bytes(packed.get(path.suffix, contents))
    (kernel.modules / "modules.dep").write_text(DEPENDENCIES)
    return kernel


def test_modules_come_after_what_they_need(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busybox").write_bytes(BUSYBOX)
    (tmp_path / "busybox").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = entries(initramfs.build(kernel, Path("/tmp/share"), [Path("/a b")]))  # noqa: S108 - only names
    assert [data for name, data in found.items() if name.startswith("modules/")] == [
        b"netfs",
        b"9pnet",
        b"9p",
        b"9pnet_virtio",
        b"overlay",
    ]
    assert found["bin/busybox"] == BUSYBOX
    settings = found["settings"].decode().splitlines()
    assert settings[0] == "share=/tmp/share"
    assert settings[-1] == "set -- '/a b'"
    assert found["init"].startswith(b"#!/bin/busybox sh\n")
    assert list(found)[-1] == "TRAILER!!!"


def test_busybox_is_asked_for(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(VmError, match="sudo apt-get install busybox-static"):
        initramfs.build(kernel, Path("/tmp/share"))  # noqa: S108 - only a name


def test_a_busybox_that_needs_libraries_is_refused(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busybox").symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VmError, match=r"needs libraries.* sudo apt-get install busybox-static"):
        initramfs.build(kernel, Path("/tmp/share"))  # noqa: S108 - only a name
