"""Debian packages: which there are, and their files, without installing them."""

import re
import subprocess
from pathlib import Path

from dfu_emulator.vm.errors import VmError, call

_UPDATE = "run 'sudo apt-get update'"


def newest_kernel(series: str) -> str:
    """The release (as uname -r tells it) of the newest packaged kernel of a series such as 6.1."""
    found = call("apt-cache", "search", "--names-only", rf"^linux-image-{re.escape(series)}[.].*-amd64$")
    pattern = re.compile(rf"linux-image-({re.escape(series)}\.\d+(?:\+\w+|-\d+|\+\w+-\d+)?-amd64) ")
    releases = [match[1] for line in found.splitlines() if (match := pattern.match(line))]
    if not releases:
        raise VmError(
            f"apt knows no kernel {series}: {_UPDATE}; it needs Debian's security or backports suite"
        )
    return max(releases, key=lambda release: [int(number) for number in re.findall(r"\d+", release)])


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
    """Unpack a package's files below ``folder``."""
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
