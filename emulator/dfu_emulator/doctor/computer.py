"""The facts about a machine that checks go by."""

import ctypes
import grp
import os
import platform
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from dfu_emulator.doctor.kernel import Kernel

_CAP_SYS_ADMIN = 1 << 21


def _is_root() -> bool:
    return os.geteuid() == 0


def _groups() -> frozenset[str]:
    names = set()
    for number in {*os.getgroups(), os.getegid()}:
        with suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    return frozenset(names)


def _search_path() -> str:
    """PATH, and where Debian's users have no PATH to."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _has_package(name: str) -> bool:
    return find_spec(name) is not None


@dataclass(frozen=True)
class Computer:
    """A machine; without arguments the one that we run on. Its files are those below ``root``."""

    root: Path = Path("/")
    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    release: str = field(default_factory=platform.release)
    """The kernel's."""
    is_root: bool = field(default_factory=_is_root)
    groups: frozenset[str] = field(default_factory=_groups)
    """The names of the groups that the user is in."""
    search_path: str = field(default_factory=_search_path)
    has_library: Callable[[str], bool] = _has_library
    """Whether a shared library of this name can be loaded."""
    has_package: Callable[[str], bool] = _has_package
    """Whether a Python package can be imported."""

    @cached_property
    def kernel(self) -> Kernel:
        return Kernel(self.root, self.release)

    def path(self, absolute: str | Path) -> Path:
        """Where a file with this absolute path is."""
        return self.root / str(absolute).lstrip("/")

    def exists(self, absolute: str | Path) -> bool:
        """Whether this user sees such a file."""
        return os.path.exists(self.path(absolute))  # noqa: PTH110 - Path.exists raises where it may not look

    def read(self, absolute: str | Path) -> str:
        """A file's text; empty if it cannot be read."""
        try:
            return self.path(absolute).read_text(errors="replace")
        except OSError:
            return ""

    def has_command(self, name: str) -> bool:
        return shutil.which(name, path=self.search_path) is not None

    @property
    def may_administer(self) -> bool:
        """Whether root may do here what root may: in most containers it may not."""
        for line in self.read("/proc/self/status").splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) & _CAP_SYS_ADMIN)
        return True

    def as_root(self, command: str) -> str:
        """The command line with which this user runs ``command`` as root."""
        return command if self.is_root else f"sudo {command}"

    def install(self, *packages: str) -> str:
        """How to install packages, by their names on Debian."""
        names = " ".join(packages)
        if self.is_like("debian"):
            return self.as_root(f"apt-get install {names}")
        return f"install what Debian has as {names}"

    def is_like(self, distribution: str) -> bool:
        """Whether this is a distribution, or made from it (the keys ID and ID_LIKE of os-release)."""
        lines = (line.partition("=") for line in self.read("/etc/os-release").splitlines())
        names = " ".join(value.strip("\"'") for key, _, value in lines if key in ("ID", "ID_LIKE"))
        return distribution in names.split()
