"""Stock kernels, unpacked from Debian's packages into a cache."""

import fcntl
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfu_emulator.vm import packages, raw_gadget_module
from dfu_emulator.vm.errors import VmError, call

SERIES = ("6.1", "6.12")
"""Debian 12's own kernel, and the newer one that it offers."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel with its modules; raw_gadget is among them."""

    release: str
    folder: Path
    """Has boot/ and lib/modules/, as the package has."""

    @property
    def image(self) -> Path:
        return self.folder / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        return self.folder / "lib" / "modules" / self.release


def cache_folder() -> Path:
    """Where the kernels are kept: DFU_EMULATOR_CACHE, or a folder in the user's cache."""
    if override := os.environ.get("DFU_EMULATOR_CACHE"):
        return Path(override).absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "stm32-dfu-emulator"


def obtain(series: str) -> Kernel:
    """The kernel of a series (``6.1``): from the cache, else from Debian's packages. Raises VmError."""
    if platform.machine() != "x86_64":
        raise VmError(f"the virtual machine needs an x86-64 host, this is {platform.machine()}")
    kernels = cache_folder() / "kernels"
    kernels.mkdir(parents=True, exist_ok=True)
    with _locked(kernels / f"{series}.lock"):
        folder = kernels / series
        if not folder.exists():
            _fill(folder, series)
        release = next((folder / "lib" / "modules").iterdir()).name
    return Kernel(release, folder)


def _fill(folder: Path, series: str) -> None:
    """Complete or not at all: what was begun is renamed once it is done."""
    release = packages.newest_kernel(series)
    image = f"linux-image-{release}"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{series}-") as name:
        work = Path(name)
        kernel = Kernel(release, work / "kernel")
        version = packages.fields(image)["Version"]
        packages.unpack(packages.download(work, image, version), kernel.folder)
        shutil.rmtree(kernel.folder / "usr", ignore_errors=True)
        module = kernel.modules / "updates" / "raw_gadget.ko"
        module.parent.mkdir()
        shutil.copy(raw_gadget_module.build(release, series, work / "build"), module)
        call("/sbin/depmod", "-b", str(kernel.folder), release, packages="kmod")
        kernel.folder.rename(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
