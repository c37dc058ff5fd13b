"""Kernels that are given, and which of their modules are there."""

from pathlib import Path

import pytest

from dfu_emulator.vm import VmError, given

RELEASE = "6.1.0-1-amd64"


@pytest.fixture(params=["lib", "usr/lib"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An unpacked kernel, as older and as newer packages have it."""
    modules = tmp_path / request.param / "modules" / RELEASE
    modules.mkdir(parents=True)
    (modules / "modules.dep").write_text("kernel/usb/dummy_hcd.ko.xz: kernel/usb/udc-core.ko.xz\n")
    (modules / "modules.builtin").write_text("kernel/virtio/virtio_pci.ko\n")
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / f"vmlinuz-{RELEASE}").write_bytes(b"")
    return tmp_path


def test_what_a_kernel_lacks(folder: Path) -> None:
    kernel = given(folder)
    assert kernel.release == RELEASE
    assert kernel.lacks(["dummy_hcd", "virtio_pci", "raw_gadget"]) == ["raw_gadget"]


def test_modules_are_listed_where_the_package_came_without(folder: Path) -> None:
    if not Path("/sbin/depmod").exists():
        pytest.skip("depmod is missing: sudo apt-get install kmod")
    (modules,) = folder.glob("**/modules.dep")
    modules.unlink()
    given(folder)
    assert modules.exists()


def test_several_kernels_are_told_apart(folder: Path) -> None:
    (folder / "lib" / "modules" / "6.2.0").mkdir(parents=True)
    (folder / "boot" / "vmlinuz-6.2.0").write_bytes(b"")
    with pytest.raises(VmError, match=rf"does not have one kernel but {RELEASE}, 6\.2\.0"):
        given(folder)


def test_a_folder_without_a_kernel_is_told_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(VmError, match=r"does not have one kernel; expected are boot/vmlinuz-RELEASE"):
        given(tmp_path)


def test_a_package_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFU_EMULATOR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(VmError, match=r"no\.deb: the kernel cannot be read: No such file"):
        given(tmp_path / "no.deb")
    (tmp_path / "text.deb").write_text("no package")
    with pytest.raises(VmError, match="dpkg-deb"):
        given(tmp_path / "text.deb")
    assert [path.name for path in (tmp_path / "cache" / "kernels").iterdir() if path.is_dir()] == []
