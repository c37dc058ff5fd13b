"""What FunctionFS cannot do is said, and does no harm."""

from pathlib import Path

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.transports.functionfs import FunctionFsGadget
from vm.guest.bus import dfu_host
from vm.guest.conftest import PlugIn
from vm.guest.transports import FUNCTIONFS, SHOWS_DFU, Transport

MISSING = (
    "alternate settings above 2" if SHOWS_DFU else "functional descriptor and alternate settings above 0"
)


@pytest.fixture
def transport() -> Transport:
    return FUNCTIONFS


def test_what_is_missing_is_said_in_a_sentence() -> None:
    with emulated("stm32f405") as port, FunctionFsGadget(port) as gadget:
        assert gadget.notice.startswith("this kernel's FunctionFS cannot show ")
        assert MISSING in gadget.notice
        assert "raw-gadget" in gadget.notice


def test_memory_of_alternates_that_cannot_be_shown_is_within_reach(plug_in: PlugIn, tmp_path: Path) -> None:
    """The chip chooses memory by address."""
    plug_in()
    dfu_host("read", "--alt", "0", "--address", "0xFFFF0000", "--length", "4", str(tmp_path / "feature"))
    assert (tmp_path / "feature").read_bytes() == b"\x00\xff\xff\xff"
