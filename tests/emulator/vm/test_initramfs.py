"""The guest's first files."""

import lzma
from pathlib import Path

import pytest

from dfu_emulator.vm import Kernel, VmError, initramfs

DEPENDENCIES = """\
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko
kernel/net/9p/9pnet.ko:
kernel/fs/netfs.ko:
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko
kernel/fs/other.ko:
"""


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
        path.write_bytes(lzma.compress(b"compressed") if path.suffix == ".xz" else path.stem.encode())
    (kernel.modules / "modules.dep").write_text(DEPENDENCIES)
    return kernel


def test_modules_come_after_what_they_need(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busybox").write_bytes(b"busybox")
    (tmp_path / "busybox").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = entries(initramfs.build(kernel, Path("/tmp/share")))  # noqa: S108 - only a name
    assert [data for name, data in found.items() if name.startswith("modules/")] == [
        b"netfs",
        b"9pnet",
        b"9p",
        b"compressed",
    ]
    assert found["bin/busybox"] == b"busybox"
    assert found["settings"].decode().splitlines()[0] == "share='/tmp/share'"
    assert found["init"].startswith(b"#!/bin/busybox sh\n")
    assert list(found)[-1] == "TRAILER!!!"


def test_busybox_is_asked_for(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(VmError, match="sudo apt-get install busybox-static"):
        initramfs.build(kernel, Path("/tmp/share"))  # noqa: S108 - only a name
