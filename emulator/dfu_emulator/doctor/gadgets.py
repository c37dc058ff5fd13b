"""The ways by a USB device controller: raw-gadget and FunctionFS."""

from collections.abc import Iterator

from dfu_emulator.doctor.computer import Computer
from dfu_emulator.doctor.finding import Finding, Need
from dfu_emulator.doctor.kernel import Module
from dfu_emulator.doctor.needs import administrator, kernel_part, root
from dfu_emulator.transports import udc
from dfu_emulator.transports.functionfs.configfs import GADGETS

_WHO = "programs here, or where the controller is plugged in"
_TELLS_RESETS = (6, 6)
_SHOWS_DFU = (6, 12)
_RUN = 'sudo "$(command -v dfu-emulator)" run --transport'
"""sudo has a PATH of its own."""


def raw_gadget(computer: Computer, controller: str | None = None) -> Finding:
    """``dfu-emulator run --transport raw-gadget``, on ``controller`` or the one that it chooses."""
    tells_resets = computer.kernel.version >= _TELLS_RESETS
    return Finding(
        "raw-gadget",
        _WHO,
        tuple(_raw_gadget_needs(computer, controller)),
        () if tells_resets else ("Linux before 6.6 does not tell of bus resets: a DFU state outlives them",),
    )


def functionfs(computer: Computer, controller: str | None = None) -> Finding:
    """``dfu-emulator run --transport functionfs``, on ``controller`` or the one that it chooses."""
    if computer.kernel.version >= _SHOWS_DFU:
        limit = "hosts see alternate settings 0 to 2 only"
    else:
        limit = (
            "before Linux 6.12 hosts see alternate setting 0 only and no DFU functional descriptor: "
            "dfu-util needs '-t 2048'"
        )
    needs = tuple(_functionfs_needs(computer, controller))
    return Finding("functionfs", _WHO, needs, (f"{limit}; bcdUSB is 2.00",))


def _raw_gadget_needs(computer: Computer, controller: str | None) -> Iterator[Need]:
    if hopeless := list(_no_gadgets(computer)):
        yield from hopeless
        return
    yield from _controller(computer, controller)
    if not computer.exists("/dev/raw-gadget"):
        yield from _raw_gadget_device(computer)
    yield from root(computer, f"{_RUN} raw-gadget ...")


def _raw_gadget_device(computer: Computer) -> Iterator[Need]:
    match computer.kernel.module("raw_gadget", "CONFIG_USB_RAW_GADGET"):
        case Module.PRESENT:
            yield Need("/dev/raw-gadget is not in this container", "docker run --device /dev/raw-gadget ...")
        case Module.NOT_BUILT:
            yield Need(
                "this kernel comes without the module raw_gadget; for Debian's kernels this project's "
                "repository has a script that builds it",
                computer.as_root("tools/build_raw_gadget.sh"),
            )
        case _:
            yield from kernel_part(computer, "raw_gadget", "CONFIG_USB_RAW_GADGET")


def _functionfs_needs(computer: Computer, controller: str | None) -> Iterator[Need]:
    if hopeless := list(_no_gadgets(computer)):
        yield from hopeless
        return
    yield from _controller(computer, controller)
    if not computer.exists(GADGETS):
        if computer.kernel.module("libcomposite", "CONFIG_USB_LIBCOMPOSITE") is Module.PRESENT:
            mount = computer.as_root("mount -t configfs configfs /sys/kernel/config")
            yield Need("configfs is not mounted", mount)
        else:
            yield from kernel_part(computer, "libcomposite", "CONFIG_USB_LIBCOMPOSITE")
    # A module that can be loaded is loaded by the kernel itself once it is asked for the function.
    if computer.kernel.module("usb_f_fs", "CONFIG_USB_F_FS") is not Module.LOADABLE:
        yield from kernel_part(computer, "usb_f_fs", "CONFIG_USB_F_FS")
    if not computer.has_package("functionfs"):
        yield Need("python-functionfs is missing", "pip install 'stm32-dfu-emulator[gadget]'")
    if not any(map(computer.has_library, ("libaio.so.1t64", "libaio.so.1"))):
        yield Need("libaio is missing", computer.install("libaio1"))
    yield from administrator(computer, f"{_RUN} functionfs ...")


def _no_gadgets(computer: Computer) -> Iterator[Need]:
    """What makes every other need vain."""
    if computer.system != "Linux":
        yield Need("only Linux has USB gadgets")
    elif computer.kernel.module("udc_core", "CONFIG_USB_GADGET") is Module.NOT_BUILT:
        yield from kernel_part(computer, "udc_core", "CONFIG_USB_GADGET")


def _controller(computer: Computer, name: str | None) -> Iterator[Need]:
    folder = computer.path(udc.CLASS_FOLDER)
    if udc.available(folder):
        try:
            udc.choose(name, folder).require_free()
        except udc.GadgetError as error:
            yield Need(str(error))
        return
    for need in kernel_part(computer, "dummy_hcd", "CONFIG_USB_DUMMY_HCD", "is_high_speed=0"):
        yield Need(f"there is no USB device controller, and {need.what}", need.remedy)
