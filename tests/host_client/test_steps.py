"""The same operations under drivers of different kinds."""

import asyncio
from collections.abc import Iterator

import pytest

from dfu_emulator.emulation import emulated
from dfu_emulator.port import Port
from dfu_host.conversation import Conversation
from dfu_host.errors import HostError, ReadProtectedError, StalledError
from dfu_host.steps import Control, Operation, Select, Step, T, Wait, drive, steps
from dfu_protocol import Request, State
from host_client.bench import FLASH

DATA = bytes(range(256)) * 20


@pytest.fixture
def port() -> Iterator[Port]:
    """An STM32F405."""
    with emulated("stm32f405") as port:
        port.configure()
        yield port


def control(port: Port, step: Control) -> bytes:
    """A control transfer without any USB library."""
    reply = port.control(step.setup, step.data)
    if reply.data is None:
        raise StalledError(Request(step.setup.bRequest))
    return reply.data


async def drive_async(operation: Operation[T], port: Port) -> T:
    """The whole of a driver for asyncio, but for how a transfer is made."""
    answer = b""
    try:
        step = next(operation)
        while True:
            try:
                match step:
                    case Control():
                        await asyncio.sleep(0)
                        answer = control(port, step)
                    case Wait(seconds):
                        await asyncio.sleep(seconds)
                    case Select():
                        pass
            except HostError as error:
                step = operation.throw(error)
            else:
                step = operation.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def test_asyncio(port: Port) -> None:
    async def flash() -> bytes:
        conversation = Conversation(2048)
        await drive_async(conversation.erase_page(FLASH), port)
        await drive_async(conversation.write(FLASH, DATA), port)
        return await drive_async(conversation.contents(FLASH, len(DATA)), port)

    assert asyncio.run(flash()) == DATA
    assert port.device.bootloader.state is State.DFU_IDLE


def test_two_devices_at_once_in_one_thread(port: Port) -> None:
    async def flash(other: Port) -> list[None]:
        writes = (drive_async(Conversation(2048).write(FLASH, DATA), p) for p in (port, other))
        return await asyncio.gather(*writes)

    with emulated("stm32l432") as other:
        other.configure()
        asyncio.run(flash(other))
        for chip in (port, other):
            assert chip.device.bootloader.chip.flash.cells[: len(DATA)] == DATA


def test_failures_under_asyncio() -> None:
    with emulated("stm32f405", rdp=1) as port:
        port.configure()
        with pytest.raises(ReadProtectedError):
            asyncio.run(drive_async(Conversation(2048).contents(FLASH, 64), port))


def two_steps() -> Operation[str]:
    """An operation that tells what became of its first step."""
    try:
        answer = yield Wait(1)
    except KeyboardInterrupt:
        answer = b"interrupted"
    yield Wait(2)
    return answer.decode()


def test_drive_answers_each_step() -> None:
    seen: list[Step] = []

    def perform(step: Step) -> bytes:
        seen.append(step)
        return b"done"

    assert drive(two_steps(), perform) == "done"
    assert seen == [Wait(1), Wait(2)]


def test_an_interruption_is_the_operations_to_deal_with() -> None:
    def perform(step: Step) -> bytes:
        if step == Wait(1):
            raise KeyboardInterrupt
        return b""

    assert drive(two_steps(), perform) == "interrupted"


def test_what_the_operation_lets_pass_ends_it() -> None:
    def perform(step: Step) -> bytes:
        raise HostError(f"no {step}")

    with pytest.raises(HostError, match="no Wait"):
        drive(two_steps(), perform)


def test_steps_go_one_at_a_time() -> None:
    seen: list[Step] = []

    def perform(step: Step) -> bytes:
        seen.append(step)
        return b""

    stepping = steps(two_steps(), perform)
    next(stepping)
    assert seen == [Wait(1)]


def test_what_comes_between_two_steps_is_the_operations_too() -> None:
    def operation() -> Operation[str]:
        try:
            yield Wait(1)
        except KeyboardInterrupt:
            yield Select(0)
            return "tidied up"
        return "done"

    done: list[Step] = []

    def perform(step: Step) -> bytes:
        done.append(step)
        return b""

    stepping = steps(operation(), perform)
    next(stepping)
    stepping.throw(KeyboardInterrupt)
    with pytest.raises(StopIteration) as end:
        next(stepping)
    assert end.value.value == "tidied up"
    assert done == [Wait(1), Select(0)]
