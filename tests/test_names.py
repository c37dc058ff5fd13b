"""The tests' own names: pytest-xdist stops where two processes collect different ones."""

import os
import subprocess
import sys

import pytest


def test_another_process_collects_the_same_names(request: pytest.FixtureRequest) -> None:
    """At another time, with other hashes."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        cwd=request.config.rootpath,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    there = set(done.stdout.splitlines())
    assert [item.nodeid for item in request.session.items if item.nodeid not in there] == []
