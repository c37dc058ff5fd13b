"""The transports that need a kernel with USB, under stock Debian kernels, each in a virtual machine."""

import pytest

from dfu_emulator.vm import SERIES
from vm.conftest import InVm

pytestmark = pytest.mark.vm


@pytest.mark.parametrize("series", SERIES)
def test_gadgets(series: str, in_vm: InVm) -> None:
    in_vm(series)
