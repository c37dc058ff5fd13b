"""The bytes of the protocol, written out from Documentation/usb/usbip_protocol.rst."""

from emulator.transports.usbip.client import Address, Connection, request_import


def padded(text: str, size: int) -> bytes:
    return text.encode().ljust(size, b"\0")


DEVICE = (
    padded("/sys/devices/dfu-emulator/usb1/1-1", 256)
    + padded("1-1", 32)
    + bytes.fromhex("00000001 00000002 00000002")  # busnum, devnum, full speed
    + bytes.fromhex("0483 DF11 2200")  # idVendor, idProduct, bcdDevice
    + bytes.fromhex("00 00 00 01 01 01")  # classes; configuration 1 of 1, 1 interface
)


def test_devlist(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(bytes.fromhex("0111 8005 00000000"))
        assert connection.rest() == (
            bytes.fromhex("0111 0005 00000000 00000001") + DEVICE + bytes.fromhex("FE 01 02 00")
        )


def test_import(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(bytes.fromhex("0111 8003 00000000") + padded("1-1", 32))
        assert connection.receive(8 + 312) == bytes.fromhex("0111 0003 00000000") + DEVICE
        connection.send(
            bytes.fromhex("00000001 00000D05 00010002 00000001 00000000")  # SUBMIT to devid 1-2, IN, ep 0
            + bytes.fromhex("00000200 00000040 00000000 FFFFFFFF 00000000")  # 64 bytes, not isochronous
            + bytes.fromhex("80 06 0001 0000 4000")  # the device descriptor
        )
        assert connection.receive(48 + 18) == (
            bytes.fromhex("00000003 00000D05 00000000 00000000 00000000")
            + bytes.fromhex("00000000 00000012 00000000 FFFFFFFF 00000000 0000000000000000")
            + bytes.fromhex("12 01 0001 00 00 00 40 8304 11DF 0022 01 02 03 01")
        )
        connection.send(bytes.fromhex("00000002 00000D06 00010002 00000000 00000000 00000D05") + bytes(24))
        assert connection.receive(48) == (
            bytes.fromhex("00000004 00000D06 00000000 00000000 00000000 00000000") + bytes(24)
        )


def test_refused_import_is_a_header_alone(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(bytes.fromhex("0111 8003 00000000") + padded("1-9", 32))
        assert connection.rest() == bytes.fromhex("0111 0003 00000004")


def test_a_request_may_come_in_pieces(address: Address) -> None:
    with Connection(address) as connection:
        for byte in request_import("1-1"):
            connection.send(bytes((byte,)))
        assert connection.receive(8) == bytes.fromhex("0111 0003 00000000")
