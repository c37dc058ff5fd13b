"""URBs that wait: those that a chip holds, and those that it never answers."""

from contextlib import ExitStack

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import GivenUp, Occurrence, Port, Transfer
from dfu_emulator.profile import Profile
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.transports.usbip.session import MAX_PENDING
from dfu_protocol import SetupPacket, State, Status, StatusReply
from emulator.host import CONFIGURE, variant
from emulator.transports.usbip.client import (
    ECONNRESET,
    RET_SUBMIT,
    RET_UNLINK,
    Address,
    Imported,
    RemoteHost,
    import_once_free,
)
from emulator.transports.usbip.setups import (
    ERASE_16K,
    GET_DEVICE_DESCRIPTOR,
    GET_STATE,
    GET_STATUS,
    MASS_ERASE,
    dnload,
)


class TestHeld:
    """The chip takes nothing while an erase goes on that GETSTATUS has started."""

    @pytest.fixture
    def device(self, stack: ExitStack, slow: Port, slow_address: Address) -> Imported:
        device = stack.enter_context(Imported(slow_address))
        RemoteHost(device, slow).idle()
        return device

    def start(self, device: Imported, job: bytes) -> None:
        assert device.control(dnload(job), job) == b""
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNBUSY

    def test_all_are_answered_in_their_order(self, device: Imported) -> None:
        self.start(device, ERASE_16K)
        held = [device.submit(GET_STATUS), *(device.submit(GET_DEVICE_DESCRIPTOR) for _ in range(3))]
        answers = [device.returned() for _ in held]
        assert [answer.seqnum for answer in answers] == held
        assert StatusReply.parse(answers[0].data) == (Status.OK, 0, State.DNLOAD_IDLE, 0)

    def test_unlinked(self, device: Imported) -> None:
        """What a host's time-out looks like: no answer to the URB, but to its unlinking."""
        self.start(device, MASS_ERASE)
        held = [device.submit(GET_STATUS) for _ in range(3)]
        for seqnum in held:
            unlinking = device.unlink(seqnum)
            answer = device.returned()
            assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, unlinking, ECONNRESET)
        again = device.unlink(held[0])
        answer = device.returned()
        assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, again, 0)
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_unlinked_after_it_was_answered(self, device: Imported) -> None:
        answered = device.submit(GET_DEVICE_DESCRIPTOR)
        assert device.returned().command == RET_SUBMIT
        device.unlink(answered)
        answer = device.returned()
        assert (answer.command, answer.status) == (RET_UNLINK, 0)

    def test_an_unlinked_urb_is_not_answered_later(
        self, device: Imported, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.start(device, ERASE_16K)
        device.unlink(device.submit(GET_STATUS))
        assert device.returned().command == RET_UNLINK
        answer = device.control(GET_STATUS)
        assert StatusReply.parse(answer or b"").bState is State.DNLOAD_IDLE
        assert caplog.text == ""

    def test_the_client_goes_meanwhile(
        self, device: Imported, slow_address: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nothing is written to a connection that is no more: asyncio would log it from the fifth time on."""
        self.start(device, ERASE_16K)
        for _ in range(10):
            device.submit(GET_STATUS)
        device.close()
        with import_once_free(slow_address) as other:
            assert other.control(CONFIGURE) == b""
            assert other.control(GET_STATE) is not None
        assert caplog.text == ""

    def test_the_device_leaves_after_all_that_it_held(self, device: Imported) -> None:
        self.start(device, ERASE_16K)
        device.send(b"".join(device.pack_submit(setup) for setup in (GET_STATUS, dnload(b""), GET_STATUS)))
        states = [device.returned().data[4:5] for _ in range(3)]
        assert states == [bytes((State.DNLOAD_IDLE,)), b"", bytes((State.MANIFEST,))]
        assert device.rest() == b""

    def test_what_was_unlinked_before_the_device_took_it_never_happened(
        self, device: Imported, slow: Port
    ) -> None:
        self.start(device, ERASE_16K)
        seen: list[Occurrence] = []
        slow.watch(seen.append)
        for setup in (GET_STATUS, dnload(b""), GET_STATUS):
            device.submit(setup)
        last = device.seqnum
        for seqnum in (last - 2, last - 1, last):
            device.unlink(seqnum)
            assert device.returned().status == ECONNRESET
        answer = device.control(GET_STATUS)
        assert StatusReply.parse(answer or b"").bState is State.DNLOAD_IDLE
        *given_up, taken = seen
        assert [item.setup for item in given_up if isinstance(item, GivenUp) and not item.reached] == [
            GET_STATUS,
            dnload(b""),
            GET_STATUS,
        ]
        assert isinstance(taken, Transfer)
        assert given_up[-1].at <= taken.sent < taken.at


class TestNeverAnswered:
    """GET_DESCRIPTOR for the functional descriptor alone, on a chip that is silent then and slow."""

    LONE = SetupPacket(0x81, 6, 0x2100, 0, 9)

    @pytest.fixture
    def port(self, stack: ExitStack, f405: Profile) -> Port:
        profile = variant(f405, "usb", lone_functional=LoneFunctional.SILENCE)
        return stack.enter_context(emulated(profile, timing="real"))

    @pytest.fixture
    def device(self, stack: ExitStack, port: Port, address: Address) -> Imported:
        device = stack.enter_context(Imported(address))
        RemoteHost(device, port).idle()
        return device

    def test_unlinked(self, device: Imported) -> None:
        unlinking = device.unlink(device.submit(self.LONE))
        answer = device.returned()
        assert (answer.command, answer.seqnum, answer.status) == (RET_UNLINK, unlinking, ECONNRESET)
        assert device.control(GET_DEVICE_DESCRIPTOR) is not None

    def test_unlinked_once(self, device: Imported) -> None:
        silent = device.submit(self.LONE)
        answers = []
        for _ in range(2):
            device.unlink(silent)
            answers.append(device.returned().status)
        assert answers == [ECONNRESET, 0]

    @pytest.mark.parametrize("unlinked", [True, False])
    def test_an_answer_that_takes_long_comes_all_the_same(self, device: Imported, unlinked: bool) -> None:
        silent = device.submit(self.LONE)
        if unlinked:
            device.unlink(silent)
            assert device.returned().command == RET_UNLINK
        assert device.control(dnload(ERASE_16K), ERASE_16K) == b""
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNBUSY
        assert StatusReply.parse(device.control(GET_STATUS) or b"").bState is State.DNLOAD_IDLE

    def test_it_does_not_keep_a_device_that_leaves(self, device: Imported, port: Port) -> None:
        device.submit(self.LONE)
        assert device.control(dnload(b"")) == b""
        assert device.control(GET_STATUS) is not None
        assert device.rest() == b""
        assert not port.is_at(2)

    def test_there_is_an_end_to_it(self, device: Imported) -> None:
        for _ in range(MAX_PENDING + 1):
            device.submit(self.LONE)
        assert device.rest() == b""

    def test_the_client_goes_meanwhile(
        self, device: Imported, address: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        device.submit(self.LONE)
        device.close()
        with import_once_free(address) as again:
            assert again.control(GET_DEVICE_DESCRIPTOR) is not None
        assert caplog.text == ""
