"""Which USB device controller is chosen, and what is said where none can be."""

from pathlib import Path

import pytest

from dfu_emulator.transports import udc
from dfu_emulator.transports.udc import GadgetError


def add(folder: Path, name: str, kind: str = "", function: str = "") -> None:
    (folder / name).mkdir()
    (folder / name / "uevent").write_text(f"USB_UDC_NAME={kind or name}\n")
    (folder / name / "function").write_text(function and f"{function}\n")


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        (["fe980000.usb"], None, "fe980000.usb"),
        (["dummy_udc.0", "fe980000.usb"], None, "dummy_udc.0"),
        (["dummy_udc.0", "fe980000.usb"], "fe980000.usb", "fe980000.usb"),
        (["dummy_udc.0", "dummy_udc.1"], "dummy_udc.1", "dummy_udc.1"),
    ],
)
def test_the_choice(tmp_path: Path, names: list[str], wanted: str | None, chosen: str) -> None:
    for name in names:
        add(tmp_path, name)
    assert udc.choose(wanted, tmp_path).name == chosen


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        ([], None, "sudo modprobe dummy_hcd is_high_speed=0"),
        (["a", "b"], None, "there are several USB device controllers, choose one: a, b"),
        (["dummy_udc.0", "dummy_udc.1", "b"], None, "choose one: dummy_udc.0, dummy_udc.1"),
        (["a", "b"], "c", "there is no USB device controller 'c'; there is a, b"),
    ],
)
def test_no_choice(tmp_path: Path, names: list[str], wanted: str | None, said: str) -> None:
    for name in names:
        add(tmp_path, name)
    with pytest.raises(GadgetError) as error:
        udc.choose(wanted, tmp_path)
    assert said in str(error.value)


def test_a_controller_has_a_name_of_its_drivers(tmp_path: Path) -> None:
    add(tmp_path, "dummy_udc.0", kind="dummy_udc")
    assert udc.choose(None, tmp_path).kind == "dummy_udc"


def test_a_controller_in_use_is_named_with_its_user(tmp_path: Path) -> None:
    add(tmp_path, "free")
    add(tmp_path, "used", function="g_serial")
    udc.choose("free", tmp_path).require_free()
    with pytest.raises(GadgetError, match="used is in use by g_serial"):
        udc.choose("used", tmp_path).require_free()
