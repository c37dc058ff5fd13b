"""What ends a job from outside: the device is tidied up, and the neighbour's data is not lost."""

import asyncio
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

import dfu_host
from dfu_emulator.profile import load
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import Do, Fault, Jobs, Requests, Scenario, When
from dfu_emulator.timing import WorkKind
from dfu_host import Care, Conversation, Device, DeviceGoneError, Remains, plan_write
from dfu_host.bus import pick
from dfu_host.flashing import program
from dfu_host.steps import Step
from dfu_protocol import Erase, Request, State
from dfu_protocol.firmware_file import Element
from host_client.bench import FLASH, Bench, MakeBench

SECTOR = 16 * 1024
KEPT = b"what the neighbour has, 32 bytes"
NEW = bytes(range(1, 251)) * 40
PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"
DRIVE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


class MistakeError(Exception):
    """Of somebody who shows progress."""


def check(bench: Bench, remains: Remains | None) -> None:
    """The neighbour is on the chip, or in ``remains``, and the device can be used."""
    assert bench.state is State.DFU_IDLE
    there = bench.flash[SECTOR - len(KEPT) : SECTOR] == KEPT
    assert there or (remains and remains.unrestored == (Element(FLASH + SECTOR - len(KEPT), KEPT),))


@pytest.fixture
def bench(f405_bench: Bench) -> Bench:
    """With a neighbour at the end of the first sector, of which all are told when they write there."""
    f405_bench.port.device.bootloader.chip.flash.write(FLASH + SECTOR - len(KEPT), KEPT)
    return f405_bench


@pytest.mark.parametrize("phase", ["comparing", "erasing", "writing", "verifying"])
@pytest.mark.parametrize("at", [0, 1])
def test_an_exception_of_who_shows_progress(bench: Bench, phase: str, at: int) -> None:
    left = at

    def show(now: str, _done: int, _total: int) -> None:
        nonlocal left
        if now == phase:
            left -= 1
            if left < 0:
                raise MistakeError

    device = Device(pick(backend=bench.backend), sleep=bench.sleep)
    with pytest.raises(MistakeError) as caught:
        device.write(FLASH, NEW, preserve=True, progress=show)
    remains = getattr(caught.value, "remains", None)
    assert (remains is None) == (not bench.commands(Erase))
    assert getattr(caught.value, "__notes__", []) == ([str(remains)] if remains else [])
    check(bench, remains)


def driver(bench: Bench, pause: Callable[[], Any]) -> dict[str, Any]:
    """The names of the page's asyncio example, for this chip."""

    async def transfer(setup: Any, data: bytes, _timeout: float) -> bytes:
        reply = bench.port.control(setup, data)
        await pause()
        if reply.data is None:
            raise dfu_host.StalledError(Request(setup.bRequest))
        return reply.data

    async def set_interface(_alternate: int) -> None:
        pass

    names = {"asyncio": asyncio, "transfer": transfer, "set_interface": set_interface, **vars(dfu_host)}
    exec(DRIVE, names)  # noqa: S102 - what the page shows
    return names


def writing(bench: Bench) -> Generator[Step, bytes, Any]:
    layout = pick(backend=bench.backend).alternates[0].known_layout
    plan = plan_write(0, layout, [Element(FLASH, NEW)], 32)
    return program(Conversation(2048), [plan], care=Care(preserve=True))


@pytest.mark.parametrize("transfers", [2, 30, 60, 61, 62, 63, 64, 65, 70])
def test_a_task_that_is_cancelled(bench: Bench, transfers: int) -> None:
    left = transfers

    async def pause() -> None:
        nonlocal left
        left -= 1
        if not left:
            task = asyncio.current_task()
            assert task
            task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(driver(bench, pause)["drive"](writing(bench)))
    check(bench, getattr(caught.value, "remains", None))


def test_an_operation_that_is_closed(bench: Bench) -> None:
    """Which may take no further step."""
    operation = writing(bench)
    next(operation)
    operation.close()
    with pytest.raises(StopIteration):
        next(operation)


def test_only_one_page_is_at_risk(make_bench: MakeBench) -> None:
    """Three sectors have neighbours; two are still there when the write of the first fails."""
    when = When(request=Requests.of(Request.GETSTATUS), job=Jobs({WorkKind.WRITE}), nth=4)
    bench = make_bench(scenario=Scenario(faults=(Fault(Do.POWER_LOSS, when, back_after=Duration(1)),)))
    for sector in range(3):
        bench.port.device.bootloader.chip.flash.write(FLASH + (sector + 1) * SECTOR - len(KEPT), KEPT)
    device = Device(pick(backend=bench.backend), sleep=bench.sleep)
    new = [Element(FLASH + sector * SECTOR, NEW) for sector in range(3)]
    with pytest.raises(DeviceGoneError) as caught:
        device.write_all(new, preserve=True)
    assert caught.value.remains
    assert caught.value.remains.unrestored == (Element(FLASH + SECTOR - len(KEPT), KEPT),)
    assert [command.address for command in bench.commands(Erase)] == [FLASH]
    for sector in (1, 2):
        assert bench.flash[(sector + 1) * SECTOR - len(KEPT) : (sector + 1) * SECTOR] == KEPT
    bench.come_back()
    device = Device(pick(backend=bench.backend), sleep=bench.sleep)
    assert device.write_all([*new, *caught.value.remains.unrestored], preserve=True, resume=True).verified
    for sector in range(3):
        assert bench.flash[sector * SECTOR :][: len(NEW)] == NEW
        assert bench.flash[(sector + 1) * SECTOR - len(KEPT) : (sector + 1) * SECTOR] == KEPT


def test_a_shared_page_that_is_smaller_than_the_alignment(make_bench: MakeBench) -> None:
    bench = make_bench(load("stm32l083"))
    bench.port.device.bootloader.chip.flash.cells[100:104] = b"keep"
    device = Device(pick(backend=bench.backend), sleep=bench.sleep)
    assert device.write(FLASH, b"new!", preserve=True, align=512).verified
    assert bench.flash[:104] == b"new!" + bytes(96) + b"keep"
