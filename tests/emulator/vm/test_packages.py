"""Which of Debian's packages are taken."""

import pytest

from dfu_emulator.vm import VmError, packages

FOUND = """\
linux-image-6.1.0-9-amd64 - Linux 6.1 for 64-bit PCs (signed)
linux-image-6.1.0-47-amd64 - Linux 6.1 for 64-bit PCs (signed)
linux-image-6.1.0-47-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.1.0-47-rt-amd64 - Linux 6.1 for 64-bit PCs, PREEMPT_RT (signed)
linux-image-6.12-amd64 - Linux for 64-bit PCs (meta-package)
linux-image-6.12.9+bpo-amd64 - Linux 6.12 for 64-bit PCs (signed)
linux-image-6.12.95+deb12-amd64 - Linux 6.12 for 64-bit PCs (signed)
linux-image-6.12.95+deb12-rt-amd64 - Linux 6.12 for 64-bit PCs, PREEMPT_RT (signed)
linux-image-6.8.0-9-generic - Signed kernel image generic
linux-image-6.8.0-151-generic - Signed kernel image generic
linux-image-unsigned-6.8.0-152-generic - Linux kernel image for version 6.8.0
"""


@pytest.mark.parametrize(
    ("series", "release"),
    [
        ("6.1", "6.1.0-47-amd64"),
        ("6.12", "6.12.95+deb12-amd64"),
        ("6.8", "6.8.0-151-generic"),
        (None, "6.12.95+deb12-amd64"),
    ],
)
def test_the_newest_plain_kernel(series: str | None, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "call", lambda *_arguments: FOUND)
    assert packages.newest_kernel(series) == release


def test_an_unknown_series_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "call", lambda *_arguments: FOUND)
    with pytest.raises(VmError, match=r"no kernel 5\.10: run 'sudo apt-get update'"):
        packages.newest_kernel("5.10")


def test_dependencies(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "Package: a\nDepends: b (= 1), c (>= 2) | d, e\nDescription: f: g\n more\n"
    monkeypatch.setattr(packages, "call", lambda *_arguments: shown)
    assert packages.dependencies("a") == ["b", "c", "d", "e"]


def test_ubuntu_has_a_kernels_modules_in_packages_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = "linux-modules-6.8.0-151-generic - Modules\nlinux-modules-extra-6.8.0-151-generic - More\n"
    monkeypatch.setattr(packages, "call", lambda *_arguments: found)
    release = "6.8.0-151-generic"
    names = [f"linux-image-{release}", f"linux-modules-{release}", f"linux-modules-extra-{release}"]
    assert packages.of_kernel(release) == names
