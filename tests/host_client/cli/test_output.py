"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from dfu_host.cli.output import output
from dfu_host.errors import HostError, OutputError


def test_new_file(tmp_path: Path) -> None:
    with output(str(tmp_path / "a.bin"), force=False) as stream:
        stream.write(b"abc")
    assert (tmp_path / "a.bin").read_bytes() == b"abc"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    with output(str(tmp_path / "a.bin"), force=False) as stream:
        stream.write(b"abc")
        stream.flush()
        assert not (tmp_path / "a.bin").exists()


def copy_until_unplugged(target: str) -> None:
    with output(target, force=True) as stream:
        stream.write(b"new")
        raise HostError("unplugged")


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(HostError, match="unplugged"):
        copy_until_unplugged(str(path))
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


def test_existing_file_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="--force"), output(str(path), force=False):
        pytest.fail("must not get here")
    assert path.read_bytes() == b"old"
    with output(str(path), force=True) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"


def copy_while_it_appears(path: Path, force: bool = False) -> None:
    with output(str(path), force) as stream:
        stream.write(b"read")
        path.write_bytes(b"another's")


def no_links(_name: Path, _target: Path) -> None:
    raise PermissionError("Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:  # as on FAT
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    (tmp_path / "a-2.bin").write_bytes(b"older")
    with pytest.raises(OutputError, match=r"a\.bin has appeared meanwhile .* is in .*/a-3\.bin"):
        copy_while_it_appears(tmp_path / "a.bin")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a.bin": b"another's",
        "a-2.bin": b"older",
        "a-3.bin": b"read",
    }


def test_a_file_that_appears_meanwhile_is_replaced_by_force(tmp_path: Path) -> None:
    copy_while_it_appears(tmp_path / "a.bin", force=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.bin": b"read"}


def test_new_file_where_links_are_not_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    test_new_file(tmp_path)


@pytest.mark.parametrize("force", [False, True])
def test_only_regular_files_are_replaced(tmp_path: Path, force: bool) -> None:
    with pytest.raises(OutputError, match="no regular file"), output(str(tmp_path), force):
        pytest.fail("must not get here")
    with pytest.raises(OutputError, match="no regular file"), output("/dev/null", force):
        pytest.fail("must not get here")


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to("real.bin")
    with output(str(tmp_path / "link.bin"), force=True) as stream:
        stream.write(b"new")
    assert (tmp_path / "link.bin").is_symlink()
    assert (tmp_path / "real.bin").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["missing/a.bin", "file/a.bin", "x" * 300])
def test_unwritable(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"), output(str(tmp_path / name), force=False):
        pytest.fail("must not get here")


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with output("-", force=False) as stream:
        stream.write(b"\x00\xff")
    assert capfdbinary.readouterr().out == b"\x00\xff"
