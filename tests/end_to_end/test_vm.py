"""``dfu-emulator vm``, as a user runs it: with real virtual machines, but for what goes wrong before."""

import os
import re
import select
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import require
from dfu_emulator.vm import VmError, machine, obtain, run
from end_to_end.conftest import BIN, Done
from end_to_end.test_dfu_util import firmware

TIME_LIMIT = 600
"""Seconds for one boot and its command; an emulated processor on a busy machine is slow."""
FLASH = "dfu-util -a 0 -s 0x08000000"

Vm = Callable[..., Done]


def require_machine() -> None:
    for command in ("qemu-system-x86_64", "busybox", "depmod"):
        require(command)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A folder for temporary files is the test's own, so that it can be looked at."""
    (tmp_path / "tmp").mkdir()
    path = f"{BIN}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the command runs in."""
    folder = tmp_path / "a folder, shared"
    folder.mkdir()
    return folder


@pytest.fixture
def vm(folder: Path, environment: dict[str, str]) -> Vm:
    """``vm(*arguments)`` runs ``dfu-emulator vm``."""

    def run(*arguments: str, **variables: str) -> Done:
        done = subprocess.run(
            ["dfu-emulator", "vm", *arguments],
            cwd=folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def in_vm(vm: Vm) -> Vm:
    """``in_vm(script, *options)`` runs a shell script in a virtual machine."""
    require_machine()
    require("dfu-util")

    def run(script: str, *options: str) -> Done:
        return vm(*options, "--time-limit", str(TIME_LIMIT - 60), "--", "sh", "-c", script)

    return run


@pytest.mark.vm
def test_a_command_runs_as_on_this_machine_but_with_the_chip(in_vm: Vm, folder: Path) -> None:
    (folder / "new").write_bytes(firmware(20_000))
    noise = os.urandom(3_000_000)
    (folder / "noise").write_bytes(noise)
    (folder.parent / "images").mkdir()
    image, trace, elsewhere = (
        folder.parent / "images" / "flash",
        folder / "trace",
        folder.parent / "elsewhere",
    )
    done = in_vm(
        f"""
        {FLASH} -D new && {FLASH}:20000:force -U back
        dfu-util -l >list
        base64 -w0 noise
        echo to the errors >&2; echo to the errors again >/dev/stderr
        echo gone >'{elsewhere}' && cat '{elsewhere}' >copy
        sleep 1000 &
        exit 7
        """,
        *(
            "--image",
            "../images/flash",
            "--trace",
            "trace",
            "--trace-json",
            "json",
            "--pcap",
            "../images/pcap",
        ),
    )
    assert done.code == 7, done.stderr
    assert done.stdout.endswith(b64encode(noise).decode())
    assert re.search("^to the errors\nto the errors again$", done.stderr, re.MULTILINE)
    assert "to the errors" not in done.stdout
    assert (folder / "back").read_bytes() == (folder / "new").read_bytes()
    assert len(re.findall("Found DFU: .*0483:df11", (folder / "list").read_text())) == 4
    assert (folder / "list").stat().st_uid == os.getuid()
    assert image.read_bytes().startswith((folder / "new").read_bytes())
    assert "DFU_DNLOAD" in trace.read_text()
    assert '"request":"DFU_DNLOAD"' in (folder / "json").read_text()
    assert (folder.parent / "images" / "pcap").read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    assert (folder / "copy").read_text() == "gone\n"
    assert not elsewhere.exists()


@pytest.mark.vm
@pytest.mark.parametrize("transport", ["raw-gadget", "usbip"])
def test_programs_hear_of_a_chip_that_comes_back(transport: str, in_vm: Vm, folder: Path) -> None:
    require("udevadm")
    done = in_vm(
        f"""
        {FLASH}:4:leave -U before
        {FLASH}:4:force -w -U after
        {FLASH}:unprotect:force
        {FLASH}:4:force -w -U after_erase
        """,
        *("--transport", transport),
    )
    assert done.code == 0, done.output
    for name in ("before", "after", "after_erase"):
        assert (folder / name).read_bytes() == b"\xff" * 4


@pytest.mark.vm
def test_functionfs_on_an_older_kernel_says_what_it_cannot_show(in_vm: Vm, folder: Path) -> None:
    options = ("--transport", "functionfs", "--kernel", "6.1", "--rdp", "1")
    done = in_vm("uname -r; dfu-util -l; exec dfu-host info", *options)
    assert done.code == 0, done.output
    assert done.stdout.startswith("6.1.")
    assert len(done.lines("Found")) == 1
    assert "functional descriptor" in done.stderr


@pytest.mark.vm
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGPIPE])
def test_a_machine_does_not_outlive_its_command_line(
    number: signal.Signals, folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    require_machine()
    with subprocess.Popen(
        ["dfu-emulator", "vm", "--transport", "usbip", "--", "sh", "-c", "echo started; exec yes"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        qemu = os.pidfd_open(int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()))
        if number == signal.SIGPIPE:
            process.stdout.close()
        else:
            process.send_signal(number)
        code = process.wait(TIME_LIMIT)
    assert select.select([qemu], [], [], TIME_LIMIT)[0], "the machine still runs"
    os.close(qemu)
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 128 + number
        assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.vm
def test_the_time_limit_counts_from_the_start(vm: Vm) -> None:
    require_machine()
    done = vm("--transport", "usbip", "--time-limit", "0.1", "--", "true")
    assert done.code == 124
    assert "did not end within 0.1 s" in done.stderr


@pytest.mark.vm
def test_a_machine_that_hangs_before_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_machine()
    monkeypatch.setattr(machine, "_START_LIMIT", 0.1)
    with pytest.raises(VmError, match="the virtual machine did not start the command"):
        run(obtain(raw_gadget=False), ["true"])


@pytest.mark.vm
def test_a_machine_that_crashes_before_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_machine()
    monkeypatch.setattr(machine, "_KERNEL_ARGUMENTS", "console=ttyS0 panic=-1 rdinit=/none")
    with pytest.raises(VmError, match=r"the virtual machine did not start the command(.|\n)*Kernel panic"):
        run(obtain(raw_gadget=False), ["true"])


def test_missing_programs_are_named_with_their_packages(vm: Vm, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dfu-emulator").symlink_to(BIN / "dfu-emulator")
    done = vm("--", "true", PATH=str(tmp_path / "bin"))
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert re.search("sudo apt-get install qemu-system-x86 busybox-static", done.stderr)


def test_a_time_limit_is_a_number_of_seconds(vm: Vm) -> None:
    done = vm("--time-limit", "soon", "--", "true")
    assert done.code == 2
    assert "expected a number of seconds above 0, not 'soon'" in done.stderr


def test_an_unusable_image_is_told_before_anything_is_started(vm: Vm, folder: Path) -> None:
    (folder / "flash.bin").write_bytes(b"too short")
    done = vm("--image", "flash.bin", "--", "true")
    assert done.code == 2
    assert done.stderr.count("\n") == 1
    assert "flash.bin: has 9 bytes" in done.stderr
