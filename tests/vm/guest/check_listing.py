"""What hosts are shown of the chip, over each transport: what a real one shows, but for what is listed."""

from end_to_end.lsusb import SERIAL, assert_real_but_for
from end_to_end.test_dfu_util import NAMES
from vm.guest.bus import chips, dfu_host, host
from vm.guest.conftest import PlugIn
from vm.guest.transports import Transport


def test_dfu_utils_list_is_a_real_chips_letter_for_letter(plug_in: PlugIn, transport: Transport) -> None:
    plug_in()
    ((path, number),) = chips().items()
    assert host("dfu-util", "-l").lines("Found DFU: ") == [
        f'Found DFU: [0483:df11] ver=2200, devnum={number}, cfg=1, intf=0, path="{path}", '
        f'alt={alternate}, name="{NAMES[3 - alternate]}", serial="{SERIAL}"'
        for alternate in reversed(transport.alternates)
    ]


def test_lsusb_shows_a_real_chip(plug_in: PlugIn, transport: Transport) -> None:
    plug_in()
    assert_real_but_for(host("lsusb", "-v", "-d", "0483:").stdout, transport.differences)


def test_dfu_hosts_list_and_info(plug_in: PlugIn, transport: Transport) -> None:
    """dfu-host asks the device itself for a functional descriptor that the configuration lacks."""
    plug_in()
    (path,) = chips()
    listed = dfu_host("list").stdout.splitlines()
    assert listed == [
        f"0483:df11  path {path}  serial {SERIAL}",
        *(f"  alt {alternate}  {NAMES[3 - alternate]}" for alternate in transport.alternates),
    ]
    info = dfu_host("info").stdout.splitlines()
    assert info[: len(listed)] == listed
    assert "wTransferSize  2048 bytes" in info
    assert "commands       0x00 Get, 0x21 Set Address Pointer, 0x41 Erase, 0x92 Read Unprotect" in info
