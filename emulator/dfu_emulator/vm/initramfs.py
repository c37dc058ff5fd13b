"""The guest's first files: busybox, the modules that reach the host's files, and the first program."""

import lzma
import shutil
from importlib.resources import files
from pathlib import Path

from dfu_emulator.vm.errors import missing
from dfu_emulator.vm.kernels import Kernel

_BOOT_MODULES = ("virtio_pci", "virtio_console", "9p", "9pnet_virtio", "overlay")
_FOLDERS = ("bin", "dev", "lower", "modules", "new", "proc", "sys", "upper")
_FOLDER, _FILE = 0o40755, 0o100755


def build(kernel: Kernel, share: Path) -> bytes:
    """An initramfs whose init mounts the host's files and runs ``share``/command."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise missing("busybox", "busybox-static")
    settings = f"share='{share}'\nmodules='{kernel.modules}'\nrelease='{kernel.release}'\n"
    archive = [_entry(name, _FOLDER) for name in _FOLDERS]
    archive.append(_entry("bin/busybox", _FILE, Path(busybox).read_bytes()))
    archive.append(_entry("init", _FILE, files(__package__).joinpath("guest_init.sh").read_bytes()))
    archive.append(_entry("settings", _FILE, settings.encode()))
    for number, path in enumerate(_in_load_order(kernel.modules)):
        module = path.read_bytes()
        name = f"modules/{number:02}"
        archive.append(_entry(name, _FILE, lzma.decompress(module) if path.suffix == ".xz" else module))
    return b"".join(archive) + _entry("TRAILER!!!", 0)


def _in_load_order(modules: Path) -> list[Path]:
    """The files of the boot modules and what they need; those built into the kernel have none."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        needs[Path(path).name.split(".")[0].replace("-", "_")] = [*reversed(needed.split()), path]
    found = (path for name in _BOOT_MODULES for path in needs.get(name, ()))
    return [modules / path for path in dict.fromkeys(found)]


def _entry(name: str, mode: int, data: bytes = b"") -> bytes:
    """One entry of a cpio archive of the "newc" kind."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
