"""Damaged and strange files: one message or a report, never anything else."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.replay import CaptureError, Replayed, find_session, parse_capture, replay
from emulator.chips import stm32f405
from emulator.host import Host
from emulator.replay import scripts
from emulator.replay.files import USBMON_MMAPPED, USBPCAP, pcap, pcapng, usbmon, usbpcap
from emulator.replay.recorder import recorded

KINDS = ("pcap", "pcapng", "pcapng of Windows")
JSON = (
    b'{"time":0.0,"chip":1,"event":"attached","address_on_bus":2,"device_descriptor":"120100020000004083041',
    b'{"time":0.1,"event":"transfer","setup":{"bmRequestType":161,"bRequest":3,"wValue":0,"wIndex":0,"wLength":6},'
    b'"data":"0a0000000a00","result":"ok"}\n',
    b'{"time":1e300,"event":"bus reset"}\n',
    b'{"time":0.1,"event":"transfer","setup":{"bmRequestType":-1,"bRequest":3,"wValue":0,"wIndex":0,"wLength":6}}\n',
)


@cache
def file(kind: str) -> bytes:
    """A session that fits into a few packets."""

    def script(host: Host) -> None:
        host.port.control(scripts.DEVICE_DESCRIPTOR)
        host.idle()
        scripts.polled(host, 0, b"\x41\x00\x00\x00\x08")
        scripts.polled(host, 2, b"1234")

    steps = recorded(stm32f405(), script)
    if kind == "pcap":
        return pcap(usbmon(steps), USBMON_MMAPPED)
    if kind == "pcapng":
        return pcapng(usbmon(steps), USBMON_MMAPPED)
    return pcapng(usbpcap(steps), USBPCAP)


def judge(content: bytes) -> Replayed | str:
    """What a user gets of a file: a report, or a message of one line."""
    profile = stm32f405()
    try:
        session = find_session(parse_capture(content), profile.usb.idVendor, profile.usb.idProduct)
    except CaptureError as error:
        message = str(error)
    else:
        return replay(session, profile)
    assert message
    assert "\n" not in message
    return message


@given(st.sampled_from([b"", b"{", b"\n\r\r\n", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d"]), st.binary())
def test_any_bytes(beginning: bytes, rest: bytes) -> None:
    judge(beginning + rest)


@given(st.lists(st.sampled_from(JSON) | st.binary(max_size=20), max_size=6))
def test_any_lines(lines: list[bytes]) -> None:
    judge(b"".join(lines))


@given(st.sampled_from(KINDS), st.data())
def test_any_truncation(kind: str, data: st.DataObject) -> None:
    whole = file(kind)
    cut = data.draw(st.integers(0, len(whole) - 1))
    answer = judge(whole[:cut])
    assert isinstance(answer, str) or not answer.differences


@settings(max_examples=300)
@given(st.sampled_from(KINDS), st.data())
def test_any_damage(kind: str, data: st.DataObject) -> None:
    content = bytearray(file(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    judge(bytes(content))


def test_a_file_that_ends_in_a_packet() -> None:
    assert judge(file("pcap")[:-1]) == (
        "cut short in the middle of packet 26: save the packets before it anew"
    )
