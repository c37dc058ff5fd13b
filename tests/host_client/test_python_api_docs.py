"""The examples of docs/python-api.md work as they stand."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import dfu_host
from dfu_emulator.port import Port
from dfu_host import Device
from dfu_protocol import Request
from host_client.bench import FLASH, Bench

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"
FIRST, SECOND = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
FIRMWARE = bytes(i * 7 & 0xFF for i in range(5000))


def test_a_write(
    f405_bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = dfu_host.open_device
    monkeypatch.setattr(dfu_host, "open_device", lambda: opened(backend=f405_bench.backend))
    exec(FIRST, {"firmware": FIRMWARE})  # noqa: S102 - what the page shows
    assert f405_bench.flash[: len(FIRMWARE)] == FIRMWARE
    assert capsys.readouterr().out == "wrote 5000 of 5000 bytes\n"
    assert f405_bench.departures


def test_asyncio(f405_bench: Bench) -> None:
    port: Port = f405_bench.port

    async def transfer(setup: Any, data: bytes, _timeout: float) -> bytes:
        await asyncio.sleep(0)
        reply = port.control(setup, data)
        if reply.data is None:
            raise dfu_host.StalledError(Request(setup.bRequest))
        return reply.data

    names: dict[str, Any] = {"asyncio": asyncio, "transfer": transfer, **vars(dfu_host)}
    exec(SECOND, names)  # noqa: S102 - what the page shows
    assert asyncio.run(names["read"](FLASH, 100)) == b"\xff" * 100


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`device\.(\w+)", PAGE.read_text(encoding="utf-8")))))
def test_what_is_named_is_there(f405_bench: Bench, name: str) -> None:
    with dfu_host.open_device(backend=f405_bench.backend) as device:
        assert isinstance(device, Device)
        assert hasattr(device, name)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(\w+(?:Error|Job))`", PAGE.read_text(encoding="utf-8"))))
)
def test_errors_that_are_named_can_be_imported(name: str) -> None:
    assert name == "KeyboardInterrupt" or name in dfu_host.__all__
