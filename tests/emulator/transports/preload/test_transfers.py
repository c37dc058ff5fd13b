"""Transfers through libusb, of one program and of several."""

import errno

from dfu_emulator.emulation import emulated
from dfu_emulator.port import GivenUp, Port, Transfer
from dfu_emulator.profile import load
from dfu_emulator.profile.model import LoneFunctional
from dfu_emulator.transports.preload import PreloadBus
from dfu_protocol import Request, SetupPacket
from emulator.host import variant
from emulator.transports.preload.programs import TIME_LIMIT, Child, finish, start


def test_a_stall_is_a_pipe_error(child: Child) -> None:
    seen = child(
        """
        device = find()
        error = number(device.ctrl_transfer, 0xA1, 2, 1, 0, 64)
        print(json.dumps([error, getstatus(device)]))
        """
    )
    assert seen == [errno.EPIPE, [15, 0, 0, 0, 10, 0]]


def test_data_goes_both_ways(child: Child, port: Port) -> None:
    seen = child(
        """
        device = find()
        data = bytes(range(256)) * 8
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        device.ctrl_transfer(0x21, 1, 2, 0, data)
        getstatus(device), getstatus(device)
        device.ctrl_transfer(0x21, 6, 0, 0, None)
        print(json.dumps(bytes(device.ctrl_transfer(0xA1, 2, 2, 0, 2048)) == data))
        """
    )
    assert seen is True
    assert port.device.bootloader.chip.flash.read(0x08000000, 4) == b"\0\1\2\3"


def test_requests_arrive_as_they_were_sent(port: Port) -> None:
    seen: list[SetupPacket] = []

    def watch(occurrence: object) -> None:
        if isinstance(occurrence, Transfer):
            seen.append(occurrence.setup)

    with PreloadBus(port) as bus:
        port.watch(watch)
        finish(start(bus, "number(find().ctrl_transfer, 0x21, 1, 0x1234, 0, b'abc'); print(0)"))
    assert SetupPacket.dfu(Request.DNLOAD, 0x1234, 3) in seen


def test_many_programs_at_once_get_their_own_answers(bus: PreloadBus) -> None:
    """Each asks for another descriptor, over and over, and must never see that of a neighbour."""
    script = """
        device = find()
        answers = {{usb.util.get_string(device, {index}) for _ in range(200)}}
        print(json.dumps(sorted(answers)))
    """
    processes = [start(bus, script.format(index=index)) for index in range(1, 8)]
    answers = [finish(process) for process in processes]
    assert [len(answer) for answer in answers if isinstance(answer, list)] == [1] * 7
    assert len({str(answer) for answer in answers}) == 7


def test_a_program_that_is_killed_disturbs_nobody(bus: PreloadBus, child: Child) -> None:
    victim = start(bus, "device = find()\nwhile True: getstatus(device)")
    assert (
        child("device = find(); print(json.dumps(len([number(getstatus, device) for _ in range(50)])))") == 50
    )
    victim.kill()
    victim.communicate(timeout=TIME_LIMIT)
    assert child("print(json.dumps(getstatus(find())))") == [10, 0, 0, 0, 10, 0]


def test_a_held_request_times_out_at_the_host_and_the_chip_goes_on() -> None:
    """The F405 does not answer while it erases: 16 KiB take 400 ms, the host waits for 50."""
    with emulated("stm32f405", timing="real") as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                ask_for_erase(device)
                started = getstatus(device)
                impatient = number(getstatus, device, 50)
                print(json.dumps([started, impatient, getstatus(device)]))
                """,
            )
        )
    assert seen == [[0, 100, 0, 0, 4, 0], errno.ETIMEDOUT, [0, 0, 0, 0, 5, 0]]


def test_a_request_that_the_host_gives_up_never_reaches_the_busy_chip() -> None:
    """ABORT in dfuDNBUSY would end in dfuERROR; a newer SETUP takes its place (USB 2.0, 5.5.5)."""
    occurrences: list[object] = []
    with emulated("stm32f405", timing="real") as port, PreloadBus(port) as bus:
        port.watch(occurrences.append)
        seen = finish(
            start(
                bus,
                """
                device = find()
                ask_for_erase(device)
                getstatus(device)
                given_up = number(device.ctrl_transfer, 0x21, 6, 0, 0, None, 50)
                print(json.dumps([given_up, getstatus(device)]))
                """,
            )
        )
    assert seen == [errno.ETIMEDOUT, [0, 0, 0, 0, 5, 0]]
    given_up, last = occurrences[-2:]
    assert isinstance(given_up, GivenUp)
    assert (given_up.setup, given_up.reached) == (SetupPacket.dfu(Request.ABORT), False)
    assert isinstance(last, Transfer)
    assert given_up.sent < given_up.at <= last.sent < last.at  # it was still too busy for the last one


def test_what_is_never_answered_times_out_and_nothing_else() -> None:
    profile = variant(load("stm32f405"), "usb", lone_functional=LoneFunctional.SILENCE)
    with emulated(profile) as port, PreloadBus(port) as bus:
        seen = finish(
            start(
                bus,
                """
                device = find()
                try:
                    lone = list(device.ctrl_transfer(0x81, 6, 0x2100, 0, 9, 100))
                except usb.core.USBTimeoutError:
                    lone = "timeout"
                print(json.dumps([lone, getstatus(device), device.manufacturer]))
                """,
            )
        )
    assert seen == ["timeout", [10, 0, 0, 0, 10, 0], "STMicroelectronics"]
