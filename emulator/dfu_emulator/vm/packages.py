"""Debian packages: which there are, and their files, without installing them."""

import re
import subprocess
from pathlib import Path

from dfu_emulator.vm.errors import VmError, call

_UPDATE = "run 'sudo apt-get update'"


def kernels(series: str | None = None) -> list[str]:
    """The releases (as uname -r tells them) of the packaged kernels of a series such as 6.1, or of all."""
    numbers = re.escape(series) if series else r"[0-9]+[.][0-9]+"
    found = call("apt-cache", "search", "--names-only", rf"^linux-image-{numbers}[.].*-(amd64|generic)$")
    debian = r"(?:\+\w+|-\d+|\+\w+-\d+)?-amd64"
    ubuntu = r"-\d+-generic"
    pattern = re.compile(rf"linux-image-({numbers}\.\d+(?:{debian}|{ubuntu})) ")
    return [match[1] for line in found.splitlines() if (match := pattern.match(line))]


def newest_kernel(series: str | None = None) -> str:
    """The newest of them. Raises VmError where there is none."""
    releases = kernels(series)
    if not releases:
        wanted = f"kernel {series}" if series else "kernel"
        raise VmError(
            f"apt knows no {wanted}: {_UPDATE}; Debian has newer ones in its security and backports suites"
        )
    return max(releases, key=lambda release: [int(number) for number in re.findall(r"\d+", release)])


def of_kernel(release: str) -> list[str]:
    """The packages that a kernel's image and modules are in: one in Debian, up to three in Ubuntu."""
    pattern = rf"^linux-modules(-extra)?-{re.escape(release)}$"
    found = call("apt-cache", "search", "--names-only", pattern)
    return [f"linux-image-{release}", *(line.split()[0] for line in found.splitlines())]


def fields(package: str) -> dict[str, str]:
    """The control fields of a package as apt would install it."""
    shown = call("apt-cache", "show", "--no-all-versions", package)
    return dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line and line[0] != " ")


def dependencies(package: str) -> list[str]:
    """The names of the packages that ``package`` needs."""
    depends = fields(package).get("Depends", "")
    return [word.split()[0] for word in re.split(r"[,|]", depends) if word.strip()]


def download(folder: Path, package: str, version: str) -> Path:
    """Fetch a package's file into ``folder``."""
    try:
        call("apt-get", "-q", "download", f"{package}={version}", folder=folder)
    except VmError as error:
        raise VmError(f"{error}\nIf apt's lists are old, {_UPDATE}.") from None
    return next(folder.glob(f"{package}_*.deb"))


def unpack(package: Path, folder: Path) -> None:
    """Unpack a package's files below ``folder``, which is made if need be."""
    call("dpkg-deb", "-x", str(package), str(folder))


def unpack_one(package: Path, archive: str, member: str) -> bytes:
    """One file out of a tar archive (.tar.xz) that is in a package."""
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as files,
        subprocess.Popen(["tar", "-xO", archive], stdin=files.stdout, stdout=subprocess.PIPE) as outer,
    ):
        # The rest of the archive is not waited for, so its writers may well die of SIGPIPE.
        done = subprocess.run(
            ["tar", "-xJO", "--occurrence=1", member], stdin=outer.stdout, capture_output=True, check=False
        )
        for process in (files, outer):
            process.kill()
    if done.returncode or not done.stdout:
        raise VmError(f"{member} is not in {archive} of {package.name}")
    return done.stdout
