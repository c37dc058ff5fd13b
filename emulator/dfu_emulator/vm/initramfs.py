"""The guest's first files: busybox, the modules that reach the host's files, and the first program."""

import gzip
import lzma
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile

from dfu_emulator.vm.errors import VmError, missing
from dfu_emulator.vm.kernels import Kernel

BOOT_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay")
"""What the guest needs to reach the host's files."""
_FOLDERS = ("bin", "dev", "lower", "modules", "new", "proc", "sys", "upper")
_FOLDER, _FILE = 0o40755, 0o100755


def build(kernel: Kernel, share: Path, folders: Sequence[Path] = ()) -> bytes:
    """An initramfs whose init mounts the host's files, ``folders`` writable, and runs ``share``/command."""
    settings = [
        f"{name}={shlex.quote(value)}"
        for name, value in {
            "share": str(share),
            "modules": str(kernel.modules.resolve()),
            "release": kernel.release,
        }.items()
    ]
    settings.append(shlex.join(["set", "--", *map(str, folders)]))
    archive = [_entry(name, _FOLDER) for name in _FOLDERS]
    archive.append(_entry("bin/busybox", _FILE, _busybox()))
    archive.append(_entry("init", _FILE, files(__package__).joinpath("guest_init.sh").read_bytes()))
    archive.append(_entry("settings", _FILE, "\n".join([*settings, ""]).encode()))
    for number, path in enumerate(_in_load_order(kernel.modules)):
        archive.append(_entry(f"modules/{number:02}", _FILE, _unpacked(path)))
    return b"".join(archive) + _entry("TRAILER!!!", 0)


def _busybox() -> bytes:
    path = shutil.which("busybox")
    if path is None:
        raise missing("busybox", "busybox-static")
    program = Path(path).read_bytes()
    if any(segment.header.p_type == "PT_INTERP" for segment in ELFFile(BytesIO(program)).iter_segments()):
        raise VmError(
            f"{path} needs libraries, which the guest does not have at first: "
            "sudo apt-get install busybox-static"
        )
    return program


def _unpacked(module: Path) -> bytes:
    contents = module.read_bytes()
    match module.suffix:
        case ".xz":
            return lzma.decompress(contents)
        case ".gz":
            return gzip.decompress(contents)
        case ".zst":
            try:
                return subprocess.run(["zstd", "-dc"], input=contents, capture_output=True, check=True).stdout
            except FileNotFoundError:
                raise missing("zstd", "zstd") from None
        case _:
            return contents


def _in_load_order(modules: Path) -> list[Path]:
    """The files of the boot modules and what they need; those built into the kernel have none."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        needs[Path(path).name.split(".")[0].replace("-", "_")] = [*reversed(needed.split()), path]
    found = (path for name in BOOT_MODULES for path in needs.get(name, ()))
    return [modules / path for path in dict.fromkeys(found)]


def _entry(name: str, mode: int, data: bytes = b"") -> bytes:
    """One entry of a cpio archive of the "newc" kind."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
