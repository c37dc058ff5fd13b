"""Draw docs/live-view.svg: the live view of a chip that is being flashed, at a moment of a real session.

``--check`` only says whether the picture is as the view draws it, and exits with 1 if not.
"""

import io
import sys
from pathlib import Path

from rich.console import Console, Group
from rich.terminal_theme import TerminalTheme

from dfu_emulator.advice import Adviser
from dfu_emulator.emulation import emulated
from dfu_emulator.live import ChipModel, Look, Picture, draw
from dfu_emulator.port import Port
from dfu_emulator.timing import ManualClock
from dfu_protocol import Request, SetupPacket

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "live-view.svg"
CHIP = "stm32f405"
WIDTH, HEIGHT = 112, 32
REACH = (
    "USB/IP on 127.0.0.1 port 3240",
    "  1-1  STM32F405RG, serial number 325E35633334",
    "       sudo modprobe vhci-hcd && sudo usbip attach -r 127.0.0.1 -b 1-1",
)
FLASH, OPTION_BYTES, BLOCK = 0x08000000, 0x1FFFC000, 2048
_COLOURS = TerminalTheme(
    (22, 25, 32),
    (205, 211, 222),
    [
        (59, 66, 82),
        (224, 108, 117),
        (103, 171, 105),
        (199, 155, 82),
        (78, 117, 184),
        (180, 142, 173),
        (86, 154, 168),
        (205, 211, 222),
    ],
    [
        (104, 112, 130),
        (240, 128, 136),
        (141, 222, 137),
        (247, 200, 103),
        (97, 143, 217),
        (205, 165, 210),
        (123, 212, 228),
        (240, 243, 248),
    ],
)
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The live view of dfu-emulator</title>
<style>
.{unique_id}-matrix {{
    font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font: 16px system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
    <rect width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Host:
    """Flashes the chip at ``port`` at about the speed of a real one."""

    def __init__(self, port: Port, clock: ManualClock) -> None:
        self._port = port
        self._clock = clock
        port.configure()

    def ask(self, request: Request, block: int = 0, length: int = 0, data: bytes = b"") -> None:
        """One DFU request, which takes a millisecond."""
        self._clock.sleep(1_000)
        self._port.control(SetupPacket.dfu(request, block, length or len(data)), data)

    def job(self, block: int, data: bytes, duration: int) -> None:
        """DNLOAD, and the two GETSTATUS around a job that takes so many microseconds."""
        self.ask(Request.DNLOAD, block, data=data)
        self.ask(Request.GETSTATUS, length=6)
        self._clock.sleep(duration)
        self.ask(Request.GETSTATUS, length=6)

    def set_address(self, address: int) -> None:
        self.job(0, b"\x21" + address.to_bytes(4, "little"), 0)

    def erase(self, address: int) -> None:
        self.job(0, b"\x41" + address.to_bytes(4, "little"), 900_000)

    def write(self, blocks: range) -> None:
        for block in blocks:
            self.job(block, bytes(index * 7 % 251 for index in range(BLOCK)), 12_000)

    def read(self, blocks: range) -> None:
        for block in blocks:
            self.ask(Request.UPLOAD, block, BLOCK)


def main() -> int:
    """Draw the picture anew, or check it."""
    new = _svg()
    if PICTURE.exists() and PICTURE.read_text(encoding="utf-8") == new:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PICTURE} is stale: run ./run docs", file=sys.stderr)
        return 1
    PICTURE.write_text(new, encoding="utf-8")
    return 0


def _svg() -> str:
    clock = ManualClock()
    with emulated(CHIP, clock=clock) as port, ChipModel(port) as model, Adviser(port, model.advise):
        _flash(Host(port, clock))
        lines = draw(Picture([model.snapshot()], REACH), WIDTH, HEIGHT, Look())
    console = Console(
        record=True,
        file=io.StringIO(),
        width=WIDTH,
        height=HEIGHT,
        force_terminal=True,
        color_system="standard",
    )
    console.print(Group(*lines))
    title = f"dfu-emulator run --profile {CHIP} --ui"
    return console.export_svg(title=title, theme=_COLOURS, code_format=_SVG, unique_id="live")


def _flash(host: Host) -> None:
    """A firmware is replaced behind a bootloader of 32 KiB; it begins with a mistake."""
    host.ask(Request.CLRSTATUS)
    for sector in (FLASH, FLASH + 0x4000):
        host.erase(sector)
    host.set_address(FLASH)
    host.write(range(2, 18))
    for sector in (0x10000, 0x20000, 0x40000):
        host.erase(FLASH + sector)
    host.set_address(FLASH + 0x10000)
    host.write(range(2, 34 + 64))
    host.read(range(2, 3))  # DFU_ABORT is missing
    host.ask(Request.CLRSTATUS)
    host.set_address(FLASH)
    host.ask(Request.ABORT)
    host.read(range(2, 18))
    host.ask(Request.ABORT)
    host.set_address(OPTION_BYTES)
    host.ask(Request.ABORT)
    host.ask(Request.UPLOAD, 2, 16)
    host.ask(Request.ABORT)
    host.erase(FLASH + 0x60000)
    host.set_address(FLASH + 0x40000)
    host.write(range(2, 29))


if __name__ == "__main__":
    sys.exit(main())
