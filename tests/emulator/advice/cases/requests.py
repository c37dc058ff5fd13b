"""Requests that the chip does not take."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from dfu_protocol import Request, SetupPacket
from emulator.advice.cases.case import Case
from emulator.host import FLASH, NOWHERE, Host


def ask_wrongly(host: Host) -> None:
    host.port.control(SetupPacket(0x21, Request.GETSTATUS, 0, 0, 0))
    host.clear_status()


REQUESTS = [
    Case(
        "wrong-direction",
        "GETSTATUS was sent with bmRequestType 0x21, it has 0xA1",
        ask_wrongly,
        lambda host: host.get_status(),
    ),
    Case(
        "wrong-direction",
        "ABORT was sent with bmRequestType 0xA1, it has 0x21",
        lambda host: host.port.control(SetupPacket(0xA1, Request.ABORT)),
        lambda host: host.abort(),
    ),
    Case(
        "upload-in-dnload-idle",
        "UPLOAD of block 2 was stalled in dfuDNLOAD-IDLE",
        lambda host: (host.set_address(FLASH), host.dfu(Request.UPLOAD, 2, 16)),
        lambda host: (host.set_address(FLASH), host.abort(), host.upload(2, 16)),
    ),
    Case(
        "dnload-in-upload-idle",
        "DNLOAD of block 0 was stalled in dfuUPLOAD-IDLE",
        lambda host: (host.upload(2, 16), host.dfu(Request.DNLOAD, data=b"\x41")),
        lambda host: (host.upload(2, 16), host.abort(), host.mass_erase()),
    ),
    Case(
        "long-block",
        "UPLOAD asked for 4096 bytes in one block, the chip takes 2048",
        lambda host: host.dfu(Request.UPLOAD, 2, 4096),
        lambda host: host.upload(2, 2048),
    ),
    Case(
        "long-block",
        "DNLOAD asked for 4096 bytes in one block, the chip takes 2048",
        lambda host: host.dfu(Request.DNLOAD, 2, data=bytes(4096)),
        lambda host: host.write(FLASH, bytes(2048)),
    ),
    Case(
        "reserved-block",
        "UPLOAD with wBlockNum 1 was stalled",
        lambda host: host.dfu(Request.UPLOAD, 1, 64),
        lambda host: host.upload(2, 64),
    ),
    Case(
        "short-getstatus",
        "GETSTATUS was sent with wLength 1, its answer has 6 bytes",
        lambda host: host.ask(Request.GETSTATUS, length=1),
        lambda host: (host.ask(Request.GETSTATUS, length=6), host.ask(Request.GETSTATUS, length=64)),
    ),
    Case(
        "ignored-error",
        "DNLOAD was sent in dfuERROR",
        lambda host: host.dfu(Request.DNLOAD, data=b"\x41"),
        lambda host: (host.clear_status(), host.get_status(), host.mass_erase()),
        first=lambda host: host.erase(NOWHERE),
    ),
    Case(
        "ignored-error",
        "ABORT was sent in dfuERROR",
        lambda host: host.dfu(Request.ABORT),
        lambda host: (host.get_state(), host.clear_status()),
        first=lambda host: host.erase(NOWHERE),
    ),
]
