"""Descriptors, field by field: what differs, and which keys of the profile say so."""

from collections.abc import Iterator, Mapping

from construct import Struct

from dfu_emulator.profile import Profile
from dfu_emulator.replay.finding import Finding
from dfu_emulator.replay.words import in_hex
from dfu_emulator.usb_device import configuration_descriptor
from dfu_protocol import ProtocolError, SetupPacket
from dfu_protocol.descriptors import (
    CONFIGURATION,
    DEVICE,
    DFU_FUNCTIONAL,
    INTERFACE,
    DescriptorType,
    split_string,
)

_DEVICE_KEYS = {
    name: f"usb.{name}" for name in ("bcdUSB", "bMaxPacketSize0", "idVendor", "idProduct", "bcdDevice")
}
_CONFIGURATION_KEYS = {
    "bmAttributes": "usb.configuration.bmAttributes",
    "bMaxPower": "usb.configuration.bMaxPower",
    "wTotalLength": "alternates",
}
_FUNCTIONAL_KEYS = {
    name: f"dfu.{name}" for name in ("bmAttributes", "wDetachTimeOut", "wTransferSize", "bcdDFUVersion")
}
_PARTS: dict[int, tuple[str, Struct, Mapping[str, str]]] = {
    DescriptorType.CONFIGURATION: ("configuration", CONFIGURATION, _CONFIGURATION_KEYS),
    DescriptorType.INTERFACE: ("interface", INTERFACE, {}),
    DescriptorType.DFU_FUNCTIONAL: ("DFU functional", DFU_FUNCTIONAL, _FUNCTIONAL_KEYS),
}
_STRING_KEYS = {1: "usb.manufacturer", 2: "usb.product", 3: "usb.serial"}
FIRST_ALTERNATE = 4
"""Index of the string of the first alternate setting."""
_HEAD = 2
"""Bytes of a descriptor of which hosts learn no more than its length."""
_TOTAL_LENGTH = slice(2, 4)
"""wTotalLength of a configuration descriptor."""


def compare_descriptors(
    setup: SetupPacket, chip: bytes, emulator: bytes, profile: Profile
) -> Iterator[Finding]:
    """Of two different answers to one GET_DESCRIPTOR."""
    kind, index = divmod(setup.wValue, 256)
    if kind == DescriptorType.DEVICE:
        yield from _fields("", DEVICE, _DEVICE_KEYS, chip, emulator)
    elif kind == DescriptorType.CONFIGURATION:
        if _is_whole(chip):  # the emulator's may be cut off where the captured one ends
            emulator = configuration_descriptor(profile)
        yield from _configuration(chip, emulator)
    elif kind == DescriptorType.STRING and index:
        yield _string(index, chip, emulator, profile)
    elif kind == DescriptorType.DFU_FUNCTIONAL:
        yield from _fields("", DFU_FUNCTIONAL, _FUNCTIONAL_KEYS, chip, emulator)
    else:
        yield Finding("descriptor", in_hex(chip), in_hex(emulator))


def _fields(
    of: str, layout: Struct, keys: Mapping[str, str], chip: bytes, emulator: bytes
) -> Iterator[Finding]:
    """Of two descriptors, as far as a host read both."""
    place = 0
    for part in layout.subcons:
        size = part.sizeof()
        ours, theirs = emulator[place : place + size], chip[place : place + size]
        if ours != theirs:
            key = keys.get(part.name)
            aspect = f"{of} {part.name}".strip()
            yield Finding(aspect, _number(theirs, size), _number(ours, size), (key,) if key else ())
        place += size
    if len(chip) != len(emulator):
        yield Finding(f"{of} length".strip(), f"{len(chip)} bytes", f"{len(emulator)} bytes")


def _number(data: bytes, size: int) -> str:
    if len(data) < size:
        return "not sent"
    return f"{int.from_bytes(data, 'little'):#0{2 + 2 * size}x}"


def _is_whole(descriptor: bytes) -> bool:
    return int.from_bytes(descriptor[_TOTAL_LENGTH], "little") == len(descriptor)


def _configuration(chip: bytes, emulator: bytes) -> Iterator[Finding]:
    theirs, ours = _walked(chip), _walked(emulator)
    if [kind for kind, _ in theirs] != [kind for kind, _ in ours]:
        yield Finding("interface descriptors", _interfaces(theirs), _interfaces(ours), ("alternates",))
        theirs, ours = _outline(theirs), _outline(ours)
    for (kind, their), (other, our) in zip(theirs, ours, strict=False):
        if their == our:
            continue
        if kind != other or kind not in _PARTS:
            yield Finding("descriptor", in_hex(their), in_hex(our))
            continue
        yield from _fields(*_PARTS[kind], their, our)


def _walked(data: bytes) -> list[tuple[int, bytes]]:
    """The descriptors in a configuration; the last may be cut off by wLength, or be what is no descriptor."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= _HEAD:
        length = max(data[0], _HEAD)
        found.append((data[1], data[:length]))
        data = data[length:]
    return found


def _interfaces(descriptors: list[tuple[int, bytes]]) -> str:
    return str(sum(kind == DescriptorType.INTERFACE for kind, _ in descriptors))


def _outline(descriptors: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """What is left to compare where the numbers of interface descriptors differ, and so the total lengths."""
    return [
        (kind, data[:_HEAD] + bytes(2) + data[_HEAD + 2 :] if kind == DescriptorType.CONFIGURATION else data)
        for kind, data in descriptors
        if kind != DescriptorType.INTERFACE
    ]


def _string(index: int, chip: bytes, emulator: bytes, profile: Profile) -> Finding:
    alternate = index - FIRST_ALTERNATE
    key = f"alternates.{alternate}" if alternate in range(len(profile.alternates)) else "alternates"
    key = _STRING_KEYS.get(index, key)
    try:
        (their, behind), (our, behind_ours) = split_string(chip), split_string(emulator)
    except ProtocolError:  # of the first bytes only
        return Finding(f"string {index}", in_hex(chip), in_hex(emulator), (key,))
    if their != our:
        return Finding(f"string {index}", repr(their), repr(our), (key,))
    theirs, ours = map(in_hex, (behind, behind_ours))
    return Finding(f"behind the text of string {index}", theirs, ours, ("alternate_tails",))
