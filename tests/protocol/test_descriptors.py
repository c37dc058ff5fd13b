"""Descriptors: round trips, and the ones that `lsusb -v` printed of an STM32F4DISCOVERY."""

from typing import Any

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_protocol import ProtocolError
from dfu_protocol.descriptors import (
    CONFIGURATION,
    DEVICE,
    DFU_FUNCTIONAL,
    INTERFACE,
    STRING,
    DescriptorType,
    build_languages,
    build_string,
    find_dfu_functional,
    parse_string,
    split_string,
    walk,
)

FIXED = {
    "device": (DEVICE, 18, 1),
    "configuration": (CONFIGURATION, 9, 2),
    "interface": (INTERFACE, 9, 4),
    "DFU functional": (DFU_FUNCTIONAL, 9, 0x21),
}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)

DISCOVERY_DEVICE = {
    "bcdUSB": 0x0100,
    "bDeviceClass": 0,
    "bDeviceSubClass": 0,
    "bDeviceProtocol": 0,
    "bMaxPacketSize0": 64,
    "idVendor": 0x0483,
    "idProduct": 0xDF11,
    "bcdDevice": 0x2100,
    "iManufacturer": 1,
    "iProduct": 2,
    "iSerialNumber": 3,
    "bNumConfigurations": 1,
}
DISCOVERY_CONFIGURATION = {
    "wTotalLength": 54,
    "bNumInterfaces": 1,
    "bConfigurationValue": 1,
    "iConfiguration": 0,
    "bmAttributes": 0xC0,
    "bMaxPower": 50,
}
DISCOVERY_FUNCTIONAL = {
    "bmAttributes": 11,
    "wDetachTimeOut": 255,
    "wTransferSize": 2048,
    "bcdDFUVersion": 0x011A,
}


def alternate(number: int) -> dict[str, int]:
    return {
        "bInterfaceNumber": 0,
        "bAlternateSetting": number,
        "bNumEndpoints": 0,
        "bInterfaceClass": 254,
        "bInterfaceSubClass": 1,
        "bInterfaceProtocol": 2,
        "iInterface": 4 + number,
    }


def discovery() -> bytes:
    alternates = b"".join(INTERFACE.build(alternate(number)) for number in range(4))
    whole: bytes = (
        CONFIGURATION.build(DISCOVERY_CONFIGURATION) + alternates + DFU_FUNCTIONAL.build(DISCOVERY_FUNCTIONAL)
    )
    return whole


def numbers(data: st.DataObject, structure: Any) -> dict[str, int]:
    """A number for each field but the two that are constant."""
    fields = structure.subcons[2:]
    return {field.name: data.draw(st.integers(0, 256 ** field.sizeof() - 1)) for field in fields}


@pytest.mark.parametrize("name", FIXED)
@given(data=st.data())
def test_a_descriptor_survives_the_wire(name: str, data: st.DataObject) -> None:
    structure, length, kind = FIXED[name]
    fields = numbers(data, structure)
    built = structure.build(fields)
    assert (len(built), built[0], built[1]) == (length, length, kind)
    parsed = structure.parse(built)
    assert {field: parsed[field] for field in fields} == fields


@pytest.mark.parametrize("name", FIXED)
@given(data=st.data())
def test_descriptor_fields_are_little_endian_in_their_order(name: str, data: st.DataObject) -> None:
    structure, *head = FIXED[name]
    fields = numbers(data, structure)
    sizes = {"b": 1, "i": 1, "w": 2, "id": 2, "bcd": 2, "bm": 1}  # by the standard's prefixes
    body = b""
    for field, value in fields.items():
        prefix = next(p for p in sorted(sizes, key=len, reverse=True) if field.startswith(p))
        body += value.to_bytes(sizes[prefix], "little")
    assert structure.build(fields) == bytes(head) + body


def test_device_descriptor_of_an_stm32f4discovery() -> None:
    built = DEVICE.build(DISCOVERY_DEVICE)
    assert built.hex(" ") == "12 01 00 01 00 00 00 40 83 04 11 df 00 21 01 02 03 01"


def test_configuration_of_an_stm32f4discovery_adds_up() -> None:
    configuration = discovery()
    assert len(configuration) == DISCOVERY_CONFIGURATION["wTotalLength"]
    assert [kind for kind, _ in walk(configuration)] == [2, 4, 4, 4, 4, 0x21]
    assert b"".join(descriptor for _, descriptor in walk(configuration)) == configuration


@pytest.mark.parametrize("name", FIXED)
def test_a_descriptor_of_another_type_is_refused(name: str) -> None:
    structure, length, kind = FIXED[name]
    good = bytes([length, kind]) + bytes(length - 2)
    structure.parse(good)
    for bad in (bytes([length + 1]) + good[1:], good[:1] + bytes([kind ^ 1]) + good[2:], good[:-1]):
        with pytest.raises(construct.ConstructError):
            structure.parse(bad)


class TestStrings:
    @given(TEXTS)
    def test_text_survives_the_wire(self, text: str) -> None:
        built = build_string(text)
        assert built[:2] == bytes([len(built), DescriptorType.STRING])
        assert parse_string(built) == text

    def test_on_the_wire(self) -> None:
        assert build_string("Aé").hex(" ") == "06 03 41 00 e9 00"

    @given(TEXTS, st.binary(min_size=1, max_size=1))
    def test_an_odd_length_loses_its_last_byte(self, text: str, odd: bytes) -> None:
        built = build_string(text)
        assert parse_string(bytes([len(built) + 1]) + built[1:] + odd) == text

    @given(TEXTS, st.binary(max_size=40))
    def test_a_tail_follows_the_text(self, text: str, tail: bytes) -> None:
        built = build_string(text, tail)
        assert built == bytes((len(build_string(text)) + len(tail), 3)) + text.encode("utf-16-le") + tail
        assert split_string(built)[0].startswith(text)
        assert build_string(*split_string(built)) == built
        if not tail or tail.startswith(bytes(2)):
            assert parse_string(built) == text

    def test_text_and_tail_fit_together_or_not(self) -> None:
        assert len(build_string("x" * 126, b"\0")) == 255
        assert len(build_string("", bytes(253))) == 255
        for text, tail in (("x" * 126, bytes(2)), ("", bytes(254)), ("x" * 127, b"")):
            with pytest.raises(ProtocolError, match="126 UTF-16 units"):
                build_string(text, tail)

    def test_bytes_behind_the_length_are_not_text(self) -> None:
        assert parse_string(build_string("DFU") + b"x\0") == "DFU"

    def test_half_a_character_is_replaced(self) -> None:
        assert parse_string(bytes.fromhex("04 03 00 d8")) == "\ufffd"

    def test_what_fits(self) -> None:
        assert len(build_string("x" * 126)) == 254
        assert parse_string(build_string("😀" * 63)) == "😀" * 63

    @pytest.mark.parametrize("text", ["x" * 127, "😀" * 64, "\ud800"])
    def test_what_does_not_fit(self, text: str) -> None:
        with pytest.raises(ProtocolError, match="UTF-16"):
            build_string(text)

    @pytest.mark.parametrize("wire", ["", "04", "00 03", "01 03", "06 03 41 00", "04 04 41 00"])
    def test_no_string_descriptor(self, wire: str) -> None:
        with pytest.raises(ProtocolError, match="no string descriptor"):
            parse_string(bytes.fromhex(wire))

    @given(st.binary(max_size=12))
    def test_any_bytes_are_text_or_a_protocol_error(self, data: bytes) -> None:
        is_string = len(data) >= 2 and data[1] == 3 and 2 <= data[0] <= len(data)
        if is_string:
            assert parse_string(data) == parse_string(data[: data[0]])
        else:
            with pytest.raises(ProtocolError):
                parse_string(data)

    def test_languages(self) -> None:
        assert build_languages(0x0409).hex(" ") == "04 03 09 04"
        assert STRING.parse(build_languages(0x0409, 0x0407)).bString.hex(" ") == "09 04 07 04"


class TestWalk:
    @given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=8))
    def test_cuts_what_was_joined(self, parts: list[tuple[int, bytes]]) -> None:
        descriptors = [(kind, bytes([len(body) + 2, kind]) + body) for kind, body in parts]
        assert walk(b"".join(descriptor for _, descriptor in descriptors)) == descriptors

    @given(st.binary(max_size=40))
    def test_loses_nothing_or_raises_a_protocol_error(self, data: bytes) -> None:
        try:
            found = walk(data)
        except ProtocolError:
            return
        assert b"".join(descriptor for _, descriptor in found) == data

    @pytest.mark.parametrize("wire", ["09", "00 04", "01 04", "09 04 00", "02 04 00"])
    def test_a_length_that_does_not_fit(self, wire: str) -> None:
        with pytest.raises(ProtocolError, match="no descriptor where one should begin"):
            walk(bytes.fromhex(wire))


class TestFindDfuFunctional:
    def test_behind_the_last_alternate(self) -> None:
        found = find_dfu_functional(discovery())
        assert found == discovery()[-9:]
        assert DFU_FUNCTIONAL.parse(found).wTransferSize == 2048

    def test_none(self) -> None:
        assert find_dfu_functional(discovery()[:-9]) is None
        assert find_dfu_functional(b"") is None
