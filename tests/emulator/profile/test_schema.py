"""The published JSON Schema: it is the model's, accepts what ships and refuses what cannot be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from dfu_emulator.profile.shipped import SHIPPED

WRITE_SCHEMA = Path(__file__).parents[3] / "tools" / "write_schema.py"
SCHEMA = json.loads((SHIPPED / "schema.json").read_text())
FILES = sorted(SHIPPED.rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA)


def write_schema(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, WRITE_SCHEMA, *arguments], capture_output=True, text=True, check=False
    )


def test_is_not_stale() -> None:
    done = write_schema("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_notices_a_stale_schema(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    for prepare in (lambda: None, lambda: path.write_text(json.dumps(SCHEMA | {"title": "another"}))):
        prepare()
        done = write_schema("--check", path)
        assert done.returncode == 1
        assert f"{path} is stale: run write_schema.py" in done.stderr
    assert write_schema(path).returncode == 0
    assert path.read_text() == (SHIPPED / "schema.json").read_text()
    assert write_schema("--check", path).returncode == 0


def test_head() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"]
    assert "$id" not in SCHEMA


def test_nothing_is_required_and_nothing_unknown_allowed() -> None:
    sections = [section for section in SCHEMA["$defs"].values() if section.get("type") == "object"]
    assert len(sections) > 15
    assert all("required" not in section for section in sections)
    assert all(section["additionalProperties"] is False for section in sections)
    assert all(section["description"] for section in SCHEMA["$defs"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_accepts_what_ships(validator: Draft202012Validator, path: Path) -> None:
    errors = [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))]
    assert errors == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_files_name_it_to_editors(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    relative = first.removeprefix("# yaml-language-server: $schema=")
    assert relative != first
    assert (path.parent / relative).resolve() == SHIPPED / "schema.json"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "extends: stm32f405",
        "usb: { idVendor: 0x0483 }",
        "memory: { otp: { block: 131072 }, flash: { sectors: [4 * 16K], size: 512K } }",
        "memory: { flash: { size: 1048576 } }",
        "alternate_tails: ['', 'FF 00']",
        "rom_versions: { V3: { usb: { bcdDevice: 0x2100 } } }",
        "memory: { otp: ~, device_feature: ~ }",
        "timing: { flash: { x8: { erase: { 16384: { typ: 1.5 s } } } } }",
    ],
)
def test_accepts(validator: Draft202012Validator, text: str) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "extends: 5",
        "extends: [a.yaml]",
        "usb: { extends: a.yaml }",
        "usbb: {}",
        "usb: []",
        "usb: { idVendr: 1 }",
        "usb: { idVendor: '0x0483' }",
        "usb: { idVendor: 65536 }",
        "usb: { idVendor: 1.5 }",
        "usb: { idVendor: true }",
        "usb: { serial: uid }",
        "usb: { product: 5 }",
        "dfu: { wTransferSize: 4 }",
        "alternates: []",
        "alternates: '@Internal Flash'",
        "bootloader: { busy: blok }",
        "bootloader: { commands: [256] }",
        "memory: { otp: { block: 16KB } }",
        "memory: { otp: { block: -1 } }",
        "memory: { flash: { size: 16KB } }",
        "memory: { eeprom: { sise: 1 } }",
        "memory: { ram: { size: 16K } }",
        "memory: { ram: [[1]] }",
        "rom_versions: { V3: { usb: { bcdDevise: 0x2100 } } }",
        "rom_versions: [V3]",
        "memory: { flash: { sectors: [16K] } }",
        "memory: { flash: { sectors: [] } }",
        "memory: { option_bytes: { areas: [{ factory: FF A }] } }",
        "memory: { stacks: [[1, 2, 3]] }",
        "timing: { connect: 250 }",
        "timing: { connect: 250 sec }",
        "timing: { flash: { x8: { program: { typ: 16 } } } }",
        "timing: { flash: { x8: { programm: {} } } }",
        "evidence: { kind: hardware }",
        "evidence: [{ kind: rumour }]",
        "evidence: [{ of: usb }]",
    ],
)
def test_refuses(validator: Draft202012Validator, text: str) -> None:
    document: Any = yaml.safe_load(text)
    assert not validator.is_valid(document)
