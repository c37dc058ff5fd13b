"""Files to write."""

from pathlib import Path

import pytest

from host_client.cli.samples import CODE


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "code.bin"
    path.write_bytes(CODE)
    return path
