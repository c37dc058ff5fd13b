"""What a test can do with its chip. The tests use the plugin as its users do."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import usb.core

from dfu_emulator.port import Attached, Detached, DeviceGone, Transfer
from dfu_emulator.pytest_plugin.chip import MakeStm32, Stm32
from dfu_emulator.scenario import Scenario, Start
from dfu_protocol import State, Status
from emulator.host import FLASH, NOWHERE, OPTION_BYTES, RAM

DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS = 1, 2, 3, 4
FIND = "import usb.core; device = usb.core.find(idVendor=0x0483); "


def get_status(stm32: Stm32) -> int:
    state: int = stm32.device.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6)[4]
    return state


def upload_too_soon(stm32: Stm32) -> None:
    """What stalls: UPLOAD straight after Set Address Pointer."""
    stm32.device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)
    stm32.device.ctrl_transfer(0x21, DNLOAD, 0, 0, b"\x21" + FLASH.to_bytes(4, "little"))
    get_status(stm32)
    get_status(stm32)
    with pytest.raises(usb.core.USBError):
        stm32.device.ctrl_transfer(0xA1, UPLOAD, 2, 0, 2048)


class TestOnTheBus:
    def test_it_is_an_f405_unless_a_test_says_otherwise(self, stm32: Stm32) -> None:
        assert stm32.profile.name == "stm32f405"
        assert stm32.attached
        assert (stm32.state, stm32.status) == (State.ERROR, Status.FIRMWARE)

    def test_its_device_is_pyusbs(self, stm32: Stm32) -> None:
        assert isinstance(stm32.device, usb.core.Device)
        assert stm32.device is stm32.device
        assert get_status(stm32) == State.ERROR

    def test_pyusb_finds_it_and_nothing_else(self, stm32: Stm32) -> None:
        (device,) = usb.core.find(find_all=True)
        assert device.serial_number == stm32.port.device.serial

    def test_pyusb_finds_all_chips_of_a_test(self, stm32: Stm32, make_stm32: MakeStm32) -> None:
        other = make_stm32(profile="stm32h743")
        found = {device.serial_number for device in usb.core.find(find_all=True)}
        assert found == {stm32.port.device.serial, other.port.device.serial}
        assert usb.core.find(backend=other.backend).serial_number == other.port.device.serial

    def test_pulling_the_cable(self, stm32: Stm32) -> None:
        before = stm32.device
        stm32.unplug()
        assert not stm32.attached
        with pytest.raises(DeviceGone, match="STM32F405RG is not on the bus"):
            stm32.device  # noqa: B018 - that is what raises
        with pytest.raises(usb.core.USBError) as gone:
            before.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6)
        assert gone.value.errno == errno.ENODEV
        stm32.replug()
        assert stm32.device is not before
        assert get_status(stm32) == State.ERROR

    def test_a_cable_that_is_pulled_twice(self, stm32: Stm32) -> None:
        stm32.unplug()
        stm32.unplug()
        stm32.replug()
        stm32.replug()
        assert [type(what) for what in stm32.trace] == [Attached, Detached, Attached]

    def test_no_cable_brings_a_chip_back_whose_bootloader_never_runs(self, make_stm32: MakeStm32) -> None:
        chip = make_stm32(rdp=2)
        chip.replug()
        assert not chip.attached
        assert repr(chip) == "<STM32F405RG, not on the bus>"

    @pytest.mark.stm32(timing="real", clock="manual")
    def test_time_that_stands_still(self, stm32: Stm32) -> None:
        stm32.device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)
        stm32.device.ctrl_transfer(0x21, DNLOAD, 0, 0, b"\x41")
        get_status(stm32)
        stm32.device.ctrl_transfer(0xA1, GETSTATUS, 0, 0, 6, 60_000)
        assert stm32.port.clock.now() == 16_000_000


class TestMemory:
    @pytest.mark.stm32(image=b"firmware")
    def test_the_flash_is_bytes(self, stm32: Stm32) -> None:
        assert len(stm32.flash) == 1 << 20
        assert stm32.flash.rstrip(b"\xff") == b"firmware"

    def test_an_image_may_be_a_file(self, make_stm32: MakeStm32, tmp_path: Path) -> None:
        path = tmp_path / "firmware.bin"
        path.write_bytes(b"firmware")
        chip = make_stm32(image=path)
        chip.write(FLASH, b"hardware")
        assert (chip.read(FLASH, 8), path.read_bytes()) == (b"hardware", b"firmware")

    @pytest.mark.parametrize("address", [FLASH, FLASH + 0x1234, RAM, OPTION_BYTES])
    def test_any_memory_can_be_read_and_written(self, stm32: Stm32, address: int) -> None:
        stm32.write(address, b"\x00\x55\xaa")
        stm32.write(address, b"\xff\x01")
        assert stm32.read(address, 3) == b"\xff\x01\xaa"

    def test_where_there_is_none(self, stm32: Stm32) -> None:
        with pytest.raises(IndexError, match="the STM32F405RG has no memory at 0x40000000"):
            stm32.read(NOWHERE, 1)
        with pytest.raises(IndexError, match="which ends before 0x08100000"):
            stm32.write(0x080FFFFF, b"ab")
        assert stm32.read(0x080FFFFF, 1) == b"\xff"

    def test_chips_do_not_share_theirs(self, stm32: Stm32, make_stm32: MakeStm32) -> None:
        other = make_stm32()
        stm32.write(FLASH, b"mine")
        assert other.read(FLASH, 4) == b"\xff" * 4


class TestTrace:
    def test_it_has_what_happened_so_far(self, stm32: Stm32) -> None:
        before = stm32.trace
        get_status(stm32)
        assert [type(what) for what in before] == [Attached]
        transfer = stm32.trace[-1]
        assert isinstance(transfer, Transfer)
        assert transfer.setup.bRequest == GETSTATUS
        assert repr(stm32.trace) == "<trace of 3 occurrences>"

    def test_as_text(self, stm32: Stm32) -> None:
        upload_too_soon(stm32)
        lines = stm32.trace.lines
        assert lines[0] == "  0.000000  the device is on the bus"
        assert lines[-1].endswith("UPLOAD is not allowed in dfuDNLOAD-IDLE")
        assert str(stm32.trace) == "\n".join(lines)

    def test_polls_are_one_line_of_its_end(self, stm32: Stm32) -> None:
        for _ in range(30):
            get_status(stm32)
        last, *others = reversed(stm32.trace.end(2))
        assert last.endswith("(x 30)")
        assert [line.split()[1] for line in others] == ["SET_CONFIGURATION"]


class TestAdvice:
    def test_none_is_false(self, stm32: Stm32) -> None:
        get_status(stm32)
        assert not stm32.advice
        assert repr(stm32.advice) == "<advice: none>"

    def test_by_kind(self, stm32: Stm32) -> None:
        upload_too_soon(stm32)
        assert list(stm32.advice) == ["upload-in-dnload-idle"]
        assert stm32.advice["upload-in-dnload-idle"].count == 1
        assert "Send DFU_ABORT first" in str(stm32.advice)
        assert repr(stm32.advice) == "<advice: upload-in-dnload-idle>"

    def test_what_is_left_undone_counts_until_it_is_done(self, stm32: Stm32) -> None:
        stm32.device.ctrl_transfer(0x21, CLRSTATUS, 0, 0, None)
        stm32.device.ctrl_transfer(0x21, DNLOAD, 0, 0, b"\x21" + FLASH.to_bytes(4, "little"))
        assert list(stm32.advice) == ["missing-getstatus"]
        assert list(stm32.advice) == ["missing-getstatus"]
        get_status(stm32)
        assert list(stm32.advice) == ["unasked-outcome"]
        get_status(stm32)
        assert not stm32.advice


class TestPrograms:
    def test_one_sees_the_chip(self, stm32: Stm32) -> None:
        done = stm32.run([sys.executable, "-c", FIND + "print(device.serial_number)"])
        assert (done.returncode, done.stdout) == (0, f"{stm32.port.device.serial}\n")

    def test_an_exit_code_is_the_tests_business(self, stm32: Stm32, tmp_path: Path) -> None:
        script = 'cat; echo "$PWD $GREETING" >&2; exit 7'
        done = stm32.run(["sh", "-c", script], cwd=tmp_path, env={"GREETING": "hi"}, input="in")
        assert (done.returncode, done.stdout, done.stderr) == (7, "in", f"{tmp_path} hi\n")

    def test_it_has_no_input_but_what_it_is_given(self, stm32: Stm32) -> None:
        assert stm32.run(["cat"]).stdout == ""

    def test_one_that_takes_too_long_ends_with_all_it_has_started(self, stm32: Stm32) -> None:
        with pytest.raises(subprocess.TimeoutExpired) as late:
            stm32.run(["sh", "-c", "echo begun; sleep 1000 | cat"], timeout=1)
        assert late.value.output == "begun\n"

    def test_a_command_that_is_missing(self, stm32: Stm32) -> None:
        with pytest.raises(FileNotFoundError):
            stm32.run(["no-such-flasher"])

    def test_a_command_that_is_text(self, stm32: Stm32) -> None:
        with pytest.raises(TypeError, match=r"a list of words, such as \['dfu-util', '-l'\], not 'true'"):
            stm32.run("true")

    def test_the_chip_as_the_one_before_left_it(self, stm32: Stm32) -> None:
        stm32.run([sys.executable, "-c", FIND + "device.ctrl_transfer(0x21, 4, 0, 0, None)"])
        assert stm32.state is State.DFU_IDLE
        assert get_status(stm32) == State.DFU_IDLE

    def test_who_starts_programs_otherwise(self, stm32: Stm32) -> None:
        script = FIND + "print(device.serial_number)"
        output = subprocess.check_output([sys.executable, "-c", script], env=stm32.environment, text=True)
        assert output.strip() == stm32.port.device.serial

    def test_a_cable_that_is_pulled(self, stm32: Stm32) -> None:
        script = [sys.executable, "-c", FIND + "print(device is None)"]
        stm32.unplug()
        assert stm32.run(script).stdout == "True\n"
        stm32.replug()
        assert stm32.run(script).stdout == "False\n"

    def test_each_sees_its_own_chip(self, stm32: Stm32, make_stm32: MakeStm32) -> None:
        other = make_stm32()
        script = [sys.executable, "-c", FIND + "print(device.serial_number)"]
        serials = [chip.run(script).stdout.strip() for chip in (stm32, other)]
        assert serials == [stm32.port.device.serial, other.port.device.serial]
        assert len(set(serials)) == 2


class TestScenarios:
    def test_a_file(self, make_stm32: MakeStm32, tmp_path: Path) -> None:
        path = tmp_path / "stalls.yaml"
        path.write_text("faults: [{when: {request: GETSTATUS, nth: 2}, do: stall}]\n")
        chip = make_stm32(scenario=path)
        get_status(chip)
        with pytest.raises(usb.core.USBError):
            get_status(chip)
        assert "the scenario stalls it" in chip.trace.lines[-1]

    @pytest.mark.stm32(scenario=Scenario(start=Start(rdp=1)))
    def test_an_object(self, stm32: Stm32) -> None:
        assert stm32.port.device.bootloader.chip.option_bytes.rdp_level == 1

    @pytest.mark.stm32(scenario=Scenario(set={"dfu.wTransferSize": 1024}))
    def test_it_may_change_the_profile(self, stm32: Stm32) -> None:
        assert stm32.profile.dfu.wTransferSize == 1024

    @pytest.mark.stm32(scenario=Scenario(start=Start(rdp=1)), rdp=0)
    def test_a_key_of_its_own_counts_more(self, stm32: Stm32) -> None:
        assert stm32.port.device.bootloader.chip.option_bytes.rdp_level == 0
