"""What the tests of the commands write and expect."""

from pathlib import Path

from dfu_protocol.firmware_file import DfuSeFile, Suffix, Target

CODE = bytes(range(250)) * 11
SECTOR = 16 * 1024
"""The first sectors of an STM32F405."""
FACTORY = bytes.fromhex("ffaa ffff ffff ffff ffff ffff ffff ffff")
PROTECTED = bytes.fromhex("ff55 ffff ffff ffff ffff ffff ffff ffff")
"""Its option bytes, without and with read protection."""


def dfuse(path: Path, *targets: Target, suffix: Suffix | None = None) -> Path:
    path.write_bytes(DfuSeFile(targets, suffix or Suffix()).build())
    return path
