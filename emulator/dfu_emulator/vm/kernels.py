"""Stock kernels: unpacked from the distribution's packages into a cache, or given."""

import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfu_emulator.vm import packages, raw_gadget_module
from dfu_emulator.vm.errors import VmError, call

SERIES = ("6.1", "6.12")
"""Debian 12's own kernel, and the newer one that it offers: those that the project is tested with."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel with its modules."""

    release: str
    folder: Path
    """Has boot/ and lib/modules/, or usr/lib/modules/, as the package has."""

    @property
    def image(self) -> Path:
        return self.folder / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        merged = self.folder / "usr" / "lib" / "modules" / self.release
        return merged if merged.is_dir() else self.folder / "lib" / "modules" / self.release

    def lacks(self, modules: Sequence[str]) -> list[str]:
        """Which of the modules are neither there nor built in."""
        there = set()
        for name in ("modules.dep", "modules.builtin"):
            listing = self.modules / name
            for line in listing.read_text().splitlines() if listing.exists() else ():
                path = line.partition(":")[0]
                there.add(Path(path).name.split(".")[0].replace("-", "_"))
        return [module for module in modules if module not in there]

    def index(self) -> None:
        """Write modules.dep and its like, which packages come without."""
        with tempfile.TemporaryDirectory() as name:
            base = Path(name)
            (base / "lib" / "modules").mkdir(parents=True)
            (base / "usr").symlink_to(base)  # depmods differ in where they look
            (base / "lib" / "modules" / self.release).symlink_to(self.modules.resolve())
            call("/sbin/depmod", "-b", name, self.release, packages="kmod")


def cache_folder() -> Path:
    """Where the kernels are kept: DFU_EMULATOR_CACHE, or a folder in the user's cache."""
    if override := os.environ.get("DFU_EMULATOR_CACHE"):
        return Path(override).absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "stm32-dfu-emulator"


def obtain(
    series: str | None = None, *, raw_gadget: bool = True, tell: Callable[[str], None] = lambda _: None
) -> Kernel:
    """The kernel of a series (``6.1``): from the cache, else from the distribution's packages.

    Without a series, the newest that the project is tested with, else the newest that apt has. Debian's
    kernels come without the module raw_gadget: ``raw_gadget`` has it built. ``tell`` hears of what takes
    long. Raises VmError.
    """
    _require_x86()
    series = series or _newest_series()
    folder = _kernels() / series
    with _locked(folder):
        if not folder.exists():
            tell(f"fetching a kernel of the series {series}, once, into {folder}")
            _fetch(folder, series)
        kernel = _in_folder(folder, folder)
        if raw_gadget and kernel.lacks(["raw_gadget"]):
            tell(f"building raw_gadget for Linux {kernel.release}, once")
            _add_raw_gadget(kernel, series)
    return kernel


def given(path: Path) -> Kernel:
    """The kernel in a folder that has boot/ and lib/modules/, or in a Debian package of one."""
    _require_x86()
    if path.is_dir():
        return _in_folder(path.resolve(), path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise VmError(f"{path}: the kernel cannot be read: {error.strerror}") from None
    folder = _kernels() / f"package-{digest[:16]}"
    with _locked(folder):
        if not folder.exists():
            _complete_or_not_at_all(folder, path, lambda draft: packages.unpack(path, draft))
        return _in_folder(folder, path)


def _require_x86() -> None:
    if platform.machine() != "x86_64":
        raise VmError(f"the virtual machine needs an x86-64 host, this is {platform.machine()}")


def _kernels() -> Path:
    folder = cache_folder() / "kernels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _newest_series() -> str:
    for series in reversed(SERIES):
        if (_kernels() / series).exists() or packages.kernels(series):
            return series
    return ".".join(packages.newest_kernel().split(".")[:2])


def _in_folder(folder: Path, source: Path) -> Kernel:
    """The one kernel in a folder, with its modules listed; ``source`` is what the user knows it by."""
    listed = {path.name for usr in ("", "usr") for path in (folder / usr / "lib" / "modules").glob("*")}
    found = [kernel for release in sorted(listed) if (kernel := Kernel(release, folder)).image.is_file()]
    if len(found) != 1:
        releases = f" but {', '.join(kernel.release for kernel in found)}" if found else ""
        raise VmError(
            f"{source} does not have one kernel{releases}; expected are boot/vmlinuz-RELEASE and "
            "lib/modules/RELEASE, as in Debian's linux-image packages"
        )
    (kernel,) = found
    if not os.access(kernel.image, os.R_OK):
        raise VmError(f"{kernel.image} cannot be read: copy it, or run this as root")
    if not (kernel.modules / "modules.dep").exists():
        kernel.index()
    return kernel


def _fetch(folder: Path, series: str) -> None:
    release = packages.newest_kernel(series)

    def fill(draft: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{series}-") as work:
            for package in packages.of_kernel(release):
                version = packages.fields(package)["Version"]
                packages.unpack(packages.download(Path(work), package, version), draft)

    _complete_or_not_at_all(folder, folder, fill)


def _complete_or_not_at_all(folder: Path, source: Path, fill: Callable[[Path], None]) -> None:
    """Make ``folder``: what was begun is renamed once it is done."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as work:
        draft = Path(work) / "kernel"
        fill(draft)
        shutil.rmtree(draft / "usr" / "share", ignore_errors=True)  # documentation
        _in_folder(draft, source)
        draft.rename(folder)


def _add_raw_gadget(kernel: Kernel, series: str) -> None:
    if kernel.release not in packages.kernels(series):
        raise VmError(
            f"apt does not know Linux {kernel.release}, or no more, so raw_gadget cannot be built for it: "
            f"remove {kernel.folder} to have the newest one fetched"
        )
    with tempfile.TemporaryDirectory(dir=kernel.folder.parent, prefix=f"{series}-") as work:
        built = raw_gadget_module.build(kernel.release, series, Path(work) / "build")
        updates = kernel.modules / "updates"
        updates.mkdir(exist_ok=True)
        shutil.copy(built, updates / "raw_gadget.ko")
    kernel.index()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
