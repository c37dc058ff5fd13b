"""What the running kernel has, and what it could load."""

import gzip
import re
from enum import Enum, auto
from functools import cached_property
from pathlib import Path


class Module(Enum):
    """How things stand with a part of the kernel."""

    PRESENT = auto()
    """Loaded, or built in."""
    LOADABLE = auto()
    NOT_INSTALLED = auto()
    """The kernel is made for it, but the file is not there: it is in another package."""
    NOT_BUILT = auto()
    """The kernel is configured without it."""
    UNKNOWN = auto()
    """Not loaded; neither the modules nor the configuration can be seen, as in a container."""


class Kernel:
    """The kernel ``release`` of the machine whose files are below ``root``."""

    def __init__(self, root: Path, release: str) -> None:
        self._root = root
        self._release = release
        self._modules = root / "lib/modules" / release

    def module(self, name: str, option: str) -> Module:
        """The state of module ``name`` (with underscores), which the configuration's ``option`` makes."""
        setting = None if self._configuration is None else self._configuration.get(option, "n")
        if (self._root / "sys/module" / name).exists() or name in self._built_in or setting == "y":
            return Module.PRESENT
        if name in self._loadable:
            return Module.LOADABLE
        if setting == "n":
            return Module.NOT_BUILT
        return Module.NOT_INSTALLED if setting == "m" or self._loadable else Module.UNKNOWN

    @property
    def version(self) -> tuple[int, int]:
        """Like (6, 12); (0, 0) if the release does not begin with one."""
        numbers = re.match(r"(\d+)\.(\d+)", self._release)
        return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)

    @cached_property
    def _configuration(self) -> dict[str, str] | None:
        """Options by name, those that are off left out; None if the configuration cannot be read."""
        for path in (
            self._root / "proc/config.gz",
            self._root / "boot" / f"config-{self._release}",
            self._modules / "config",
        ):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
            return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_"))
        return None

    @cached_property
    def _built_in(self) -> frozenset[str]:
        return self._names("modules.builtin")

    @cached_property
    def _loadable(self) -> frozenset[str]:
        return self._names("modules.dep")

    def _names(self, index: str) -> frozenset[str]:
        try:
            lines = (self._modules / index).read_text().splitlines()
        except OSError:
            return frozenset()
        paths = (Path(line.partition(":")[0]) for line in lines)
        return frozenset(path.name.partition(".ko")[0].replace("-", "_") for path in paths)
