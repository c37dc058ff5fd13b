"""The doctor's verdicts on machines that are described by their files and a few facts."""

import gzip
from pathlib import Path

import pytest

from dfu_emulator.doctor import CHECKS, Computer, State, gadgets, udev

RELEASE = "6.12.1-amd64"
MODULES = f"lib/modules/{RELEASE}"
Files = dict[str, str]


def configuration(*options: str) -> Files:
    """A kernel with these parts as modules, and without all others."""
    return {f"boot/config-{RELEASE}": "".join(f"CONFIG_{option}=m\n" for option in options)}


def modules(*names: str) -> Files:
    return {
        f"{MODULES}/modules.dep": "".join(f"kernel/{name}.ko.xz: kernel/udc-core.ko.xz\n" for name in names)
    }


def controller(name: str = "dummy_udc.0", user: str = "") -> Files:
    return {f"sys/class/udc/{name}/function": f"{user}\n"}


DEBIAN = {"etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\n'}
UBUNTU = {"etc/os-release": 'ID=ubuntu\nID_LIKE="debian"\n'}
GADGETS = ("USB_GADGET", "USB_DUMMY_HCD", "USB_LIBCOMPOSITE", "USB_F_FS", "USBIP_VHCI_HCD")
MADE = configuration(*GADGETS)
DEBIANS_KERNEL = {
    **DEBIAN,
    **MADE,
    **modules("udc-core", "dummy_hcd", "libcomposite", "usb_f_fs", "vhci-hcd"),
}
WITHOUT_GADGETS = {**DEBIAN, **configuration("USB"), **modules("usbcore")}
LOADED = {
    "sys/module/udc_core/refcnt": "",
    "sys/module/libcomposite/refcnt": "",
    "sys/module/usb_f_fs/refcnt": "",
}
RAW_GADGET = {"dev/raw-gadget": "", "sys/module/raw_gadget/refcnt": ""}
CONFIGFS = {"sys/kernel/config/usb_gadget/": ""}
UNPRIVILEGED = {"proc/self/status": "Name:\tpython\nCapEff:\t00000000a80425fb\n"}
PRIVILEGED = {"proc/self/status": "Name:\tpython\nCapEff:\t000001ffffffffff\n"}
ALL = {**DEBIANS_KERNEL, **LOADED, **controller(), **RAW_GADGET, **CONFIGFS, **PRIVILEGED}

TO_RUN = ("qemu-system-x86_64", "busybox", "modprobe", "setpriv")

NO_GADGETS = "this kernel is built without CONFIG_USB_GADGET: there is nothing to load"
NO_CONTROLLER = "there is no USB device controller, and the module dummy_hcd is not"
VM = "dfu-emulator vm -- COMMAND"


def computer(
    root: Path,
    files: Files,
    *,
    system: str = "Linux",
    release: str = RELEASE,
    is_root: bool = True,
    groups: tuple[str, ...] = (),
    commands: tuple[str, ...] = (),
    libraries: tuple[str, ...] = ("libumockdev-preload.so.0", "libaio.so.1", "libelf.so.1"),
    packages: tuple[str, ...] = ("functionfs",),
    processor: str = "x86_64",
) -> Computer:
    (root / "bin").mkdir()
    for name, text in {**files, **dict.fromkeys((f"bin/{command}" for command in commands), "")}.items():
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text(text)
            path.chmod(0o755)
    return Computer(
        root=root,
        system=system,
        processor=processor,
        release=release,
        is_root=is_root,
        groups=frozenset(groups),
        search_path=str(root / "bin"),
        has_library=libraries.__contains__,
        has_package=packages.__contains__,
    )


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("in-process", State.WORKS),
        ("exec", State.WORKS),
        ("raw-gadget", State.WORKS),
        ("functionfs", State.LIMITED),
        ("usbip", State.WORKS),
        ("usbip-attach", State.WORKS),
        ("vm", State.LIMITED),
        ("udev-rule", State.WORKS),
    ],
)
def test_a_machine_that_has_all(tmp_path: Path, cache: Files, name: str, state: State) -> None:
    files = {**ALL, **cache, "sys/module/vhci_hcd/refcnt": ""}
    machine = computer(tmp_path, files, commands=("usbip", *TO_RUN))
    finding = CHECKS[name](machine)
    assert finding.needs == ()
    assert (finding.name, finding.state) == (name, state)


def test_every_check_works_on_a_machine_of_which_nothing_is_known(tmp_path: Path) -> None:
    machine = computer(tmp_path, {}, release="", is_root=False, libraries=(), packages=())
    verdicts = {name: check(machine).state for name, check in CHECKS.items()}
    assert [name for name, state in verdicts.items() if state is State.WORKS] == ["in-process", "usbip"]


@pytest.mark.parametrize(
    ("check", "files", "needs"),
    [
        pytest.param(
            "raw-gadget",
            DEBIANS_KERNEL,
            [
                (f"{NO_CONTROLLER} loaded", "modprobe dummy_hcd is_high_speed=0"),
                ("this kernel comes without the module raw_gadget", "tools/build_raw_gadget.sh"),
            ],
            id="Debian's kernel, raw-gadget",
        ),
        pytest.param(
            "functionfs",
            DEBIANS_KERNEL,
            [
                (f"{NO_CONTROLLER} loaded", "modprobe dummy_hcd is_high_speed=0"),
                ("the module libcomposite is not loaded", "modprobe libcomposite"),
            ],
            id="Debian's kernel, FunctionFS: usb_f_fs is loaded by the kernel",
        ),
        pytest.param(
            "usbip-attach",
            DEBIANS_KERNEL,
            [
                ("the module vhci_hcd is not loaded", "modprobe vhci_hcd"),
                ("the command usbip is missing", "apt-get install usbip"),
            ],
            id="Debian's kernel, USB/IP",
        ),
        pytest.param("raw-gadget", WITHOUT_GADGETS, [(NO_GADGETS, VM)], id="no gadgets, raw-gadget"),
        pytest.param("functionfs", WITHOUT_GADGETS, [(NO_GADGETS, VM)], id="no gadgets, FunctionFS"),
        pytest.param(
            "usbip-attach",
            {**WITHOUT_GADGETS, "bin/usbip": ""},
            [("this kernel is built without CONFIG_USBIP_VHCI_HCD", VM)],
            id="no USB/IP client",
        ),
        pytest.param(
            "raw-gadget",
            {**UBUNTU, **configuration(*GADGETS, "USB_RAW_GADGET"), **modules("udc-core")},
            [
                (
                    f"{NO_CONTROLLER} installed",
                    f"apt-get install linux-modules-extra-{RELEASE} && modprobe dummy_hcd is_high_speed=0",
                ),
                (
                    "the module raw_gadget is not installed",
                    f"apt-get install linux-modules-extra-{RELEASE} && modprobe raw_gadget",
                ),
            ],
            id="Ubuntu without the extra modules",
        ),
        pytest.param(
            "usbip-attach",
            {**UBUNTU, "sys/module/vhci_hcd/refcnt": ""},
            [("the command usbip is missing", f"apt-get install linux-tools-{RELEASE}")],
            id="Ubuntu's usbip",
        ),
        pytest.param(
            "raw-gadget",
            {**DEBIAN, **UNPRIVILEGED},
            [
                (
                    f"{NO_CONTROLLER} loaded; without /lib/modules/{RELEASE} nothing tells",
                    "modprobe dummy_hcd is_high_speed=0  # in a container: on the machine that runs it",
                ),
                (
                    "the module raw_gadget is not loaded; without",
                    "modprobe raw_gadget  # in a container: on the machine that runs it",
                ),
            ],
            id="container",
        ),
        pytest.param(
            "raw-gadget",
            {**DEBIAN, **controller(), "sys/module/raw_gadget/refcnt": ""},
            [("/dev/raw-gadget is not in this container", "docker run --device /dev/raw-gadget ...")],
            id="container without the device",
        ),
        pytest.param(
            "functionfs",
            {**ALL, **UNPRIVILEGED},
            [("in this container root has not all of root's rights", "docker run --privileged ...")],
            id="container without rights",
        ),
        pytest.param(
            "functionfs",
            {**DEBIANS_KERNEL, **LOADED, **controller()},
            [("configfs is not mounted", "mount -t configfs configfs /sys/kernel/config")],
            id="configfs is not mounted",
        ),
        pytest.param(
            "raw-gadget",
            {**ALL, **controller(user="g_serial")},
            [("the USB device controller dummy_udc.0 is in use by g_serial", "")],
            id="controller in use",
        ),
        pytest.param(
            "raw-gadget",
            {**DEBIANS_KERNEL, **RAW_GADGET, **controller("a.usb"), **controller("b.usb")},
            [("there are several USB device controllers, choose one: a.usb, b.usb", "")],
            id="several controllers",
        ),
        pytest.param(
            "raw-gadget",
            {**configuration("USB_GADGET", "USB_RAW_GADGET"), **RAW_GADGET},
            [("built without CONFIG_USB_DUMMY_HCD", VM)],
            id="no dummy_hcd",
        ),
    ],
)
def test_what_is_in_the_way(tmp_path: Path, check: str, files: Files, needs: list[tuple[str, str]]) -> None:
    found = CHECKS[check](computer(tmp_path, files)).needs
    assert [need.remedy for need in found] == [remedy for _, remedy in needs]
    for need, (what, _) in zip(found, needs, strict=True):
        assert what in need.what


def test_a_kernel_that_shows_its_own_configuration(tmp_path: Path) -> None:
    machine = computer(tmp_path, {"proc/config.gz": ""})
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(b"# CONFIG_USB_GADGET is not set\n"))
    (need,) = CHECKS["raw-gadget"](machine).needs
    assert need.what == NO_GADGETS


@pytest.mark.parametrize(
    "built_in",
    [
        {f"{MODULES}/modules.builtin": "kernel/drivers/usb/usbip/vhci-hcd.ko\n"},
        {f"boot/config-{RELEASE}": "CONFIG_USBIP_VHCI_HCD=y\n"},
    ],
    ids=["modules.builtin", "configuration"],
)
def test_what_is_built_in_needs_no_loading(tmp_path: Path, built_in: Files) -> None:
    assert CHECKS["usbip-attach"](computer(tmp_path, built_in, commands=("usbip",))).works


@pytest.mark.parametrize(
    ("check", "remedy"),
    [
        ("raw-gadget", 'sudo "$(command -v dfu-emulator)" run --transport raw-gadget ...'),
        ("functionfs", 'sudo "$(command -v dfu-emulator)" run --transport functionfs ...'),
        ("usbip-attach", "sudo usbip attach -r 127.0.0.1 -b 1-1"),
    ],
)
def test_users_are_told_to_use_sudo(tmp_path: Path, check: str, remedy: str) -> None:
    files = {**ALL, **UNPRIVILEGED, "sys/module/vhci_hcd/refcnt": ""}
    (need,) = CHECKS[check](computer(tmp_path, files, commands=("usbip",), is_root=False)).needs
    assert (need.what, need.remedy) == ("only root may do this", remedy)


def test_commands_for_users_begin_with_sudo(tmp_path: Path) -> None:
    machine = computer(tmp_path, DEBIANS_KERNEL, is_root=False, libraries=(), packages=())
    remedies = [need.remedy for check in ("exec", "functionfs") for need in CHECKS[check](machine).needs]
    assert remedies[:-1] == [
        "sudo apt-get install umockdev",
        "sudo modprobe dummy_hcd is_high_speed=0",
        "sudo modprobe libcomposite",
        "pip install 'stm32-dfu-emulator[gadget]'",
        "sudo apt-get install libaio1",
    ]


def test_elsewhere_packages_are_named_as_on_debian(tmp_path: Path) -> None:
    machine = computer(tmp_path, {"etc/os-release": "ID=fedora\n"}, libraries=())
    (need,) = CHECKS["exec"](machine).needs
    assert need.remedy == "install what Debian has as umockdev"


@pytest.mark.parametrize(
    ("release", "functionfs", "raw_gadget"),
    [
        ("6.1.0-56-amd64", "alternate setting 0 only and no DFU functional descriptor", "bus resets"),
        ("6.6-custom", "alternate setting 0 only and no DFU functional descriptor", ""),
        ("6.12.1-amd64", "alternate settings 0 to 2 only", ""),
        ("7.0-rc1", "alternate settings 0 to 2 only", ""),
    ],
)
def test_what_a_kernel_cannot_show(tmp_path: Path, release: str, functionfs: str, raw_gadget: str) -> None:
    machine = computer(tmp_path, ALL, release=release)
    assert functionfs in CHECKS["functionfs"](machine).limits[0]
    (limit,) = CHECKS["raw-gadget"](machine).limits or ("",)
    assert raw_gadget in limit


def test_the_controller_that_a_user_wants(tmp_path: Path) -> None:
    machine = computer(tmp_path, {**ALL, **controller("a.usb", "g_ether")})
    assert gadgets.raw_gadget(machine, "dummy_udc.0").works
    for wanted, said in (
        ("a.usb", "a.usb is in use by g_ether"),
        ("b.usb", "no USB device controller 'b.usb'"),
    ):
        for check in (gadgets.raw_gadget, gadgets.functionfs):
            (need,) = check(machine, wanted).needs
            assert said in need.what


def test_other_systems_have_what_needs_no_kernel(tmp_path: Path) -> None:
    machine = computer(tmp_path, {}, system="Darwin", release="23.1.0", is_root=False)
    works = [name for name, check in CHECKS.items() if check(machine).works]
    assert works == ["in-process", "usbip", "udev-rule"]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Files:
    """Kernels that have been fetched."""
    monkeypatch.setenv("DFU_EMULATOR_CACHE", "/cache")
    return {"cache/kernels/6.1/": "", "cache/kernels/6.1.lock": ""}


def test_what_a_virtual_machine_needs(tmp_path: Path, cache: Files) -> None:
    (need,) = CHECKS["vm"](computer(tmp_path, {**DEBIAN, **cache}, commands=TO_RUN[2:])).needs
    assert need.what == "missing: qemu-system-x86, busybox-static"
    assert need.remedy == "apt-get install qemu-system-x86 busybox-static"


@pytest.mark.usefixtures("cache")
def test_a_virtual_machine_needs_a_kernel(tmp_path: Path) -> None:
    (need,) = CHECKS["vm"](computer(tmp_path, {"cache/kernels/": ""}, commands=TO_RUN)).needs
    assert need.remedy == "dfu-emulator vm --kernel ..."


@pytest.mark.usefixtures("cache")
def test_a_virtual_machine_needs_an_x86(tmp_path: Path) -> None:
    (need,) = CHECKS["vm"](computer(tmp_path, DEBIANS_KERNEL, processor="aarch64")).needs
    assert "x86_64" in need.what


def test_what_a_virtual_machine_is_limited_by(tmp_path: Path, cache: Files) -> None:
    apt = (*TO_RUN, "apt-get", "make")
    finding = CHECKS["vm"](computer(tmp_path, {**DEBIAN, "dev/kvm": ""}, commands=apt, libraries=()))
    (limit,) = finding.limits
    assert limit.endswith("over USB/IP: apt-get install gcc xz-utils libelf1")
    (tmp_path / "2").mkdir()
    finding = CHECKS["vm"](computer(tmp_path / "2", {**DEBIAN, **cache}, commands=TO_RUN))
    assert finding.limits == ("without KVM the processor is emulated, which is slow",)


FOR_SEAT = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="0483", ATTRS{idProduct}=="df11", TAG+="uaccess"\n'
FOR_GROUP = 'ATTRS{idVendor}=="0483", ATTRS{idProduct}=="df11", MODE="0664", GROUP="plugdev"\n'


@pytest.mark.parametrize(
    ("file", "text", "state"),
    [
        ("etc/udev/rules.d/70-stm32-dfu.rules", udev.rule(), State.LIMITED),
        ("etc/udev/rules.d/70-stm32-dfu.rules", udev.rule(everyone=True), State.WORKS),
        ("usr/lib/udev/rules.d/60-dfu-util.rules", FOR_SEAT, State.LIMITED),
        ("usr/lib/udev/rules.d/60-x.rules", FOR_SEAT.replace("df11", "DF11"), State.LIMITED),
        ("etc/udev/rules.d/60-x.rules", FOR_SEAT.replace(", ATTRS{idP", ", \\\n  ATTRS{idP"), State.LIMITED),
        ("etc/udev/rules.d/99-late.rules", FOR_SEAT, State.NEEDS),
        ("etc/udev/rules.d/60-off.rules", f"# {FOR_SEAT}", State.NEEDS),
        ("etc/udev/rules.d/60-other.rules", FOR_SEAT.replace("df11", "3748"), State.NEEDS),
        ("etc/udev/rules.d/60-notes.txt", FOR_SEAT, State.NEEDS),
        ("etc/udev/rules.d/45-group.rules", FOR_GROUP, State.WORKS),
        ("etc/udev/rules.d/45-group.rules", FOR_GROUP.replace("plugdev", "wheel"), State.NEEDS),
        ("etc/udev/rules.d/45-mode.rules", FOR_GROUP.replace("0664", "666"), State.WORKS),
    ],
)
def test_udev_rules(tmp_path: Path, file: str, text: str, state: State) -> None:
    machine = computer(tmp_path, {file: text}, is_root=False, groups=("users", "plugdev"))
    finding = CHECKS["udev-rule"](machine)
    assert finding.state is state
    for told in (*finding.limits, *(need.remedy for need in finding.needs)):
        assert "| sudo tee /etc/udev/rules.d/70-stm32-dfu.rules && sudo udevadm control --reload" in told
