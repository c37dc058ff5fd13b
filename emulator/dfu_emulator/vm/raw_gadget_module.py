"""raw_gadget, which Debian leaves out, built from the kernel's own source package."""

from pathlib import Path

from dfu_emulator.vm import packages
from dfu_emulator.vm.errors import VmError, call, require

_SOURCE = "drivers/usb/gadget/legacy/raw_gadget.c"
_TOOLS = {"make": "make", "gcc": "gcc libelf1", "xz": "xz-utils"}


def build(release: str, series: str, work: Path) -> Path:
    """Build the module for a packaged kernel in the folder ``work``, which is made; returns its path."""
    require(_TOOLS)  # before much is downloaded
    work.mkdir()
    headers = f"linux-headers-{release}"
    version = packages.fields(headers)["Version"]
    parts = [name for name in packages.dependencies(headers) if name.startswith(("linux-h", "linux-kbuild"))]
    for package in (headers, *parts):
        packages.unpack(packages.download(work, package, version), work / "root")
    tree = work / "root" / "usr" / "src" / headers
    # The headers are made to be installed: they name each other by absolute paths.
    makefile = tree / "Makefile"
    makefile.write_text(makefile.read_text().replace("/usr/src/", f"{work}/root/usr/src/"))
    source = f"linux-source-{series}"
    package_file = packages.download(work, source, version)
    module = work / "module"
    module.mkdir()
    text = packages.unpack_one(package_file, f"./usr/src/{source}.tar.xz", f"{source}/{_SOURCE}")
    (module / "raw_gadget.c").write_bytes(text)
    (module / "Makefile").write_text("obj-m := raw_gadget.o\n")
    # Without type information for BPF, which would need one more tool (pahole).
    without_btf = "CONFIG_DEBUG_INFO_BTF_MODULES="
    call("make", "-C", str(tree), f"M={module}", without_btf, "modules")
    built = module / "raw_gadget.ko"
    if not built.exists():
        raise VmError(f"the build for {release} ended without raw_gadget.ko")
    return built
