"""DfuSe commands, as AN3156 gives their bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_protocol import (
    Command,
    Erase,
    GetCommands,
    MassErase,
    ProtocolError,
    ReadUnprotect,
    SetAddress,
    Unknown,
    parse_command,
)

ADDRESSES = st.integers(0, 2**32 - 1)
COMMANDS = st.one_of(
    st.just(GetCommands()),
    st.just(MassErase()),
    st.just(ReadUnprotect()),
    st.builds(SetAddress, ADDRESSES),
    st.builds(Erase, ADDRESSES),
)


@given(COMMANDS)
def test_a_command_survives_the_wire(command: Command) -> None:
    assert parse_command(command.build()) == command


@given(st.binary(max_size=8))
def test_any_bytes_are_some_command_and_come_back_unchanged(data: bytes) -> None:
    assert parse_command(data).build() == data


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (GetCommands(), "00"),
        (SetAddress(0x08012345), "21 45 23 01 08"),
        (Erase(0x080E0000), "41 00 00 0e 08"),
        (MassErase(), "41"),
        (ReadUnprotect(), "92"),
    ],
)
def test_commands_on_the_wire(command: Command, wire: str) -> None:
    assert command.build().hex(" ") == wire
    assert parse_command(bytes.fromhex(wire)) == command


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "21",
        "21 00 00 08",
        "21 00 00 00 08 00",
        "41 00",
        "41 00 00 00 08 00",
        "00 00",
        "92 00",
        "11",
        "ff",
    ],
)
def test_a_wrong_code_or_length_is_unknown(wire: str) -> None:
    data = bytes.fromhex(wire)
    assert parse_command(data) == Unknown(data)


@pytest.mark.parametrize("command", [SetAddress(1 << 32), Erase(1 << 32), SetAddress(-1)])
def test_an_address_beyond_32_bits(command: Command) -> None:
    with pytest.raises(ProtocolError, match="32 bits"):
        command.build()
