"""Needs that several ways share."""

from collections.abc import Iterator

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Need
from dfu_emulator.doctor.kernel import Module

ELSEWHERE = "dfu-emulator vm -- COMMAND"
"""What helps where this machine's kernel cannot be helped."""


def kernel_part(computer: Computer, module: str, option: str, parameters: str = "") -> Iterator[Need]:
    """The kernel's ``module``, which its configuration calls ``option``."""
    load = computer.as_root(f"modprobe {module} {parameters}".rstrip())
    match computer.kernel.module(module, option):
        case Module.LOADABLE:
            yield Need(f"the module {module} is not loaded", load)
        case Module.NOT_INSTALLED:
            package = "linux-modules-extra-" if computer.is_like("ubuntu") else "linux-image-"
            install = computer.install(f"{package}{computer.release}")
            yield Need(f"the module {module} is not installed", f"{install} && {load}")
        case Module.NOT_BUILT:
            yield Need(f"this kernel is built without {option}: there is nothing to load", ELSEWHERE)
        case Module.UNKNOWN:
            yield Need(
                f"the module {module} is not loaded; without /lib/modules/{computer.release} nothing tells "
                "whether this kernel has it",
                f"{load}  # in a container: on the machine that runs it",
            )


def root(computer: Computer, command: str) -> Iterator[Need]:
    """Root; ``command`` is run by it."""
    if not computer.is_root:
        yield Need("only root may do this", command)


def administrator(computer: Computer, command: str) -> Iterator[Need]:
    """Root with all its rights, which it lacks in most containers; ``command`` is run by it."""
    if computer.is_root and not computer.may_administer:
        yield Need("in this container root has not all of root's rights", "docker run --privileged ...")
    yield from root(computer, command)
