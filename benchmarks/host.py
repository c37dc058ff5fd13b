"""dfu-host beside dfu-util, over preload, on the same chip: a whole flash, and one changed a little."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from dfu_emulator.emulation import TIMINGS, emulated
from dfu_emulator.transports.preload import PreloadBus
from measure import Report, seconds

CHIP, START, SIZE = "stm32f401re", 0x08000000, 512 * 1024
"""All of its flash is such a firmware, in sectors of 16 to 128 KiB."""
_CHANGED, _BYTES = 0x6000, 64
_BIN = Path(sys.executable).parent

_LIBRARY = """
import sys, time
from dfu_host import open_device
with open_device() as device:
    data = open(sys.argv[1], "rb").read()
    start = time.perf_counter()
    device.write(0x08000000, data, diff=True)
    print(time.perf_counter() - start)
"""


class _Firmware:
    """A file that can be changed a little."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._data = bytearray(os.urandom(size))
        self.change()

    def change(self) -> None:
        """A few bytes of the second sector are others."""
        self._data[_CHANGED : _CHANGED + _BYTES] = os.urandom(_BYTES)
        self.path.write_bytes(self._data)


def compare(report: Report, *, quick: bool) -> None:
    """Rates of both hosts with ``fast`` and ``real`` times; a ratio above 1 is in favour of dfu-host."""
    size = SIZE // 8 if quick else SIZE
    for timing in TIMINGS:
        repeat = 1 if quick or timing == "real" else 5
        with tempfile.TemporaryDirectory() as folder:
            firmware = _Firmware(Path(folder, "firmware.bin"), size)
            _compare(report, firmware, timing, size, repeat)


def _compare(report: Report, firmware: _Firmware, timing: str, size: int, repeat: int) -> None:
    dfu_util = ["dfu-util", "-a", "0", "-s", f"0x{START:08x}", "-D", str(firmware.path)]
    dfu_host = [str(_BIN / "dfu-host"), "write", "--address", f"0x{START:08x}", str(firmware.path)]
    with emulated(CHIP, timing=timing) as port, PreloadBus(port) as bus:
        # Programs that are installed have been compiled.
        environment = bus.environment() | {"PYTHONDONTWRITEBYTECODE": ""}

        def best(run: Callable[[], float]) -> float:
            """kB/s of the fastest of the runs, each with another change."""
            found = []
            for _ in range(repeat):
                firmware.change()
                found.append(run())
            return size / min(found) / 1000

        def command(*arguments: str) -> float:
            return best(lambda: seconds([*dfu_host, *arguments], 1, environment))

        def library() -> float:
            child = [sys.executable, "-c", _LIBRARY, str(firmware.path)]
            done = subprocess.run(child, check=True, capture_output=True, text=True, env=environment)
            return float(done.stdout)

        reference = best(lambda: seconds(dfu_util, 1, environment))
        rows = {
            "dfu-host write --no-verify": command("--no-verify"),
            "dfu-host write": command(),
            "dfu-host write --diff": command("--diff"),
            "Device.write(diff=True)": best(library),
        }
        assert bytes(port.device.bootloader.chip.flash.cells[:size]) == firmware.path.read_bytes()
    for what, rate in rows.items():
        report.add(f"{what}, {size // 1024} KiB, {timing}", rate, "kB/s", "dfu-util -D", reference)
