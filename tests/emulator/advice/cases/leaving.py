"""The leave request."""

# The conversations are tuples of what is done, whatever it returns.
# mypy: disable-error-code="func-returns-value"

from emulator.advice.cases.case import VECTORS, Case, leave
from emulator.host import FLASH

LEAVING = [
    Case(
        "leave-without-address",
        "No Set Address Pointer came before the leave request, which took 0x08000000",
        leave,
        lambda host: (host.set_address(FLASH), leave(host)),
        first=lambda host: (host.write(FLASH, VECTORS), host.idle()),
    ),
    Case(
        "leave-without-address",
        "No Set Address Pointer came before the leave request, which took 0x08000000",
        lambda host: (host.write(FLASH, VECTORS), leave(host)),
        lambda host: (host.write(FLASH, VECTORS), host.set_address(FLASH), leave(host)),
    ),
    Case(
        "leave-to-nothing",
        "The chip left for 0x08004000, where there is no valid vector table",
        lambda host: (host.set_address(FLASH + 0x4000), leave(host)),
        lambda host: (host.set_address(FLASH), leave(host)),
        first=lambda host: (host.write(FLASH, VECTORS), host.idle()),
    ),
]
