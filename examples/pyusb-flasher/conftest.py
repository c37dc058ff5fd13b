"""``pytest --flasher flasher_with_bug`` tests the other one."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--flasher", default="flasher", help="the module to test; default: %(default)s")
