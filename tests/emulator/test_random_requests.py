"""Whatever a host sends, the device answers, keeps to its rules and stays usable."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dfu_emulator.bootloader import Bootloader, Reply
from dfu_emulator.chip import Chip
from dfu_emulator.emulation import emulated
from dfu_emulator.port import DeviceGone
from dfu_emulator.timing import FastTiming, ManualClock
from dfu_emulator.usb_device import UsbDevice
from dfu_protocol import Request, SetupPacket, State, Status
from emulator.chips import stm32f405
from emulator.host import CONFIGURE, DEVICE_FEATURE, FLASH, NOWHERE, OPTION_BYTES, OTP, RAM, SYSTEM

ON_THE_BUS = {State(number) for number in (2, 3, 4, 5, 6, 9, 10)}
ADDRESSES = (FLASH, FLASH + 0x4000, FLASH + 0xFFFFC, RAM, SYSTEM, OTP, OPTION_BYTES, DEVICE_FEATURE, NOWHERE)
CLRSTATUS = SetupPacket.dfu(Request.CLRSTATUS)
GETSTATUS = SetupPacket.dfu(Request.GETSTATUS, 0, 6)


def check(setup: SetupPacket, reply: Reply) -> None:
    """What holds for every answer."""
    if reply.data is not None:
        assert len(reply.data) <= (setup.wLength if setup.is_in else 0)
    assert reply.hold == 0


setups = st.builds(
    SetupPacket,
    st.integers(0, 255) | st.sampled_from([0x00, 0x01, 0x21, 0x80, 0x81, 0xA1]),
    st.integers(0, 255) | st.integers(0, 12),
    st.integers(0, 0xFFFF) | st.integers(0, 5),
    st.integers(0, 0xFFFF) | st.just(0),
    st.integers(0, 0xFFFF) | st.integers(0, 8),
)
commands = st.builds(
    lambda code, address, length: (bytes([code]) + address.to_bytes(4, "little"))[:length],
    st.sampled_from([0x00, 0x21, 0x41, 0x92, 0x77]),
    st.sampled_from(ADDRESSES),
    st.sampled_from([1, 5, 5, 5, 4]),
)


def _with_data(setup: SetupPacket, data: bytes) -> tuple[SetupPacket, bytes]:
    return (setup, b"") if setup.is_in else (setup._replace(wLength=len(data)), data)


anything = st.builds(_with_data, setups, st.binary(max_size=64) | commands)
sensible = st.builds(
    lambda request, block, data: _with_data(SetupPacket.dfu(request, block, len(data) or 64), data),
    st.sampled_from([Request.GETSTATUS] * 3 + list(Request)),
    st.sampled_from([0, 0, 0, 1, 2, 3, 65535]),
    commands | st.binary(max_size=64),
)


@settings(max_examples=300)
@given(st.lists(anything | sensible, max_size=60))
def test_any_sequence_is_answered(packets: list[tuple[SetupPacket, bytes]]) -> None:
    with emulated(stm32f405(), clock=ManualClock()) as port:
        bootloader = port.device.bootloader
        port.configure()
        for setup, data in packets:
            try:
                reply = port.control(setup, data)
            except DeviceGone:
                assert bootloader.chip.option_bytes.rdp_level == 2 or port.returns_at is None
                return
            check(setup, reply)
            if reply.departure is None:
                assert bootloader.state in ON_THE_BUS
            assert bootloader.status in Status
            assert (bootloader.state is State.ERROR) >= (bootloader.status is not Status.OK)
        assert bootloader.chip.flash.end - FLASH == len(bootloader.chip.flash.read(FLASH, 1 << 21))


@settings(max_examples=300)
@given(st.lists(anything, max_size=40), st.sampled_from([0, 1]))
def test_a_host_can_always_get_back_to_dfuidle(packets: list[tuple[SetupPacket, bytes]], rdp: int) -> None:
    with emulated(stm32f405(), clock=ManualClock(), rdp=rdp) as port:
        for setup, data in packets:
            if not port.attached:
                return
            port.control(setup, data)
        if not port.attached:
            return
        port.configure()
        for _ in range(3):
            status = port.control(GETSTATUS)
            if not port.attached:
                return
            if status.data is not None and status.data[4] == State.DFU_IDLE:
                return
            port.control(CLRSTATUS)
        raise AssertionError(f"still in {port.device.bootloader.state.label}")


@settings(max_examples=300)
@given(st.lists(anything | sensible, max_size=60))
def test_a_protected_chip_gives_nothing_away(packets: list[tuple[SetupPacket, bytes]]) -> None:
    """At level 1 no sequence of requests brings the secret out, or changes it other than by erasing all."""
    with emulated(stm32f405(), clock=ManualClock(), rdp=1) as port:
        flash = port.device.bootloader.chip.flash
        flash.write(FLASH, b"the secret...16!")
        port.configure()
        for setup, data in packets:
            if not port.attached:
                break
            reply = port.control(setup, data)
            assert b"secret" not in (reply.data or b"")
            assert flash.read(FLASH, 16) in (b"the secret...16!", b"\xff" * 16)


COUNT = 1_000_000


@dataclass
class Noise:
    """Setup packets with data, three in four of them shaped like something a host might send."""

    random: Random
    bytes_: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.bytes_ = self.random.randbytes(1 << 16)

    def packet(self) -> tuple[SetupPacket, bytes]:
        random = self.random
        choice = random.randrange(8)
        if choice < 2:
            setup = SetupPacket.parse(random.randbytes(8))
        elif choice < 3:
            kind = random.choice((0x00, 0x01, 0x80, 0x81, 0x02, 0x82))
            length = 0 if kind < 0x80 else random.randrange(300)
            setup = SetupPacket(kind, random.randrange(13), random.randrange(5), 0, length)
        else:
            return self._dfu()
        if setup.is_in:
            return setup, b""
        return setup, self.bytes_[: setup.wLength]

    def _dfu(self) -> tuple[SetupPacket, bytes]:
        random = self.random
        choice = random.randrange(10)
        if choice < 4:
            return GETSTATUS, b""
        if choice < 6:
            return SetupPacket.dfu(random.choice((Request.CLRSTATUS, Request.ABORT))), b""
        if choice < 7:
            length = random.choice((1, 4, 16, 64, 2048, 2049))
            return SetupPacket.dfu(Request.UPLOAD, random.randrange(600), length), b""
        if choice < 8:
            address = random.choice(ADDRESSES) + random.choice((0, 0, 4, 2048, 1))
            data = bytes([random.choice((0x21, 0x21, 0x41))]) + (address & 0xFFFFFFFF).to_bytes(4, "little")
            return SetupPacket.dfu(Request.DNLOAD, 0, 5), data
        if choice < 9:
            start, length = random.randrange(1 << 15), random.choice((4, 16, 16, 64, 2048))
            data = self.bytes_[start : start + length]
            return SetupPacket.dfu(Request.DNLOAD, random.choice((2, 2, 3, 500)), length), data
        data = random.choice((b"", b"\x41", b"\x92", b"\x00"))
        return SetupPacket.dfu(Request.DNLOAD, 0, len(data)), data


def new_device() -> UsbDevice:
    profile = stm32f405()
    device = UsbDevice(profile, Bootloader(Chip(profile), FastTiming()), "S")
    device.control(CONFIGURE)
    return device


def test_a_million_random_packets() -> None:
    """1 000 000 packets from a fixed seed; a device that leaves the bus is replaced by a new one."""
    noise = Noise(Random(0xDF11))
    device = new_device()
    answered: dict[State, int] = dict.fromkeys(ON_THE_BUS, 0)
    departed = stalled = 0
    for _ in range(COUNT):
        setup, data = noise.packet()
        state = device.bootloader.state
        reply = device.control(setup, data)
        if reply.data is None:
            stalled += 1
        else:
            answered[state] += 1
            assert len(reply.data) <= (setup.wLength if setup.is_in else 0)
        if reply.departure is not None:
            departed += 1
            assert len(device.bootloader.chip.flash.read(FLASH, 1 << 21)) == 1 << 20
            device = new_device()
        elif not device.configuration:
            device.control(CONFIGURE)
    # The packets have reached everything: no state without thousands of requests that it took.
    assert min(answered.values()) > COUNT // 1000
    assert stalled > COUNT // 10
    assert departed > COUNT // 10000
