"""Finding devices, with all that real ones leave out."""

import errno
from pathlib import Path
from typing import Any

import pytest
import usb.core
from msgspec.structs import replace

from dfu_emulator.port import Port
from dfu_emulator.profile import Profile
from dfu_emulator.transports.inprocess import Backend
from dfu_host.bus import Selection, find, pick
from dfu_host.descriptors import Functional
from dfu_host.errors import ExitCode, HostError, NoDeviceError, UsageError
from dfu_host.session import Session
from dfu_protocol import Attributes, StandardRequest, parse_layout
from dfu_protocol.descriptors import DescriptorType
from emulator.host import variant
from host_client.bench import Bench, MakeBench

FUNCTIONAL = Functional(
    Attributes.WILL_DETACH | Attributes.CAN_UPLOAD | Attributes.CAN_DNLOAD, 255, 2048, 0x011A
)


class Locked(Backend):
    """A backend whose devices this user may not open."""

    def open_device(self, dev: Any) -> Any:
        raise usb.core.USBError("Access denied (insufficient permissions)", errno=errno.EACCES)


class Bare(Backend):
    """A backend whose configurations lack the DFU functional descriptor, as old Linux gadgets do."""

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        descriptor = super().get_interface_descriptor(dev, intf, alt, config)
        descriptor.extra_descriptors = []
        return descriptor


class Barer(Bare):
    """One that stalls the request for it, too."""

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, *rest: Any
    ) -> int:
        if wValue == 0x2100:
            raise usb.core.USBError("Pipe error", errno=errno.EPIPE)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, *rest)


class AnswersAsDevice(Bare):
    """One that is asked for it as a device, not as an interface."""

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, *rest: Any
    ) -> int:
        if wValue == 0x2100:
            bmRequestType ^= 1
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, *rest)


class NoisyAndBare(Bare):
    """One whose answers for it get lost so many times."""

    def __init__(self, port: Port, times: int) -> None:
        super().__init__(port)
        self._times = times

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, *rest: Any
    ) -> int:
        if wValue == 0x2100 and self._times:
            self._times -= 1
            raise usb.core.USBError("it failed", errno=errno.EPROTO)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, *rest)


class Counting(Backend):
    """Counts the devices that are open."""

    open = 0

    def open_device(self, dev: Any) -> Any:
        self.open += 1
        return super().open_device(dev)

    def close_device(self, dev_handle: Any) -> None:
        self.open -= 1


class Noisy(Backend):
    """Fails so many times at the string of this index."""

    def __init__(self, port: Port, index: int, times: int, number: int) -> None:
        super().__init__(port)
        self._value = DescriptorType.STRING << 8 | index
        self._times = times
        self._errno = number

    def ctrl_transfer(
        self, dev_handle: Any, bmRequestType: int, bRequest: int, wValue: int, wIndex: int, *rest: Any
    ) -> int:
        if bRequest == StandardRequest.GET_DESCRIPTOR and wValue == self._value and self._times:
            self._times -= 1
            raise usb.core.USBError("it failed", errno=self._errno)
        return super().ctrl_transfer(dev_handle, bmRequestType, bRequest, wValue, wIndex, *rest)


class Runtime(Backend):
    """A backend with a device whose application runs: its DFU interface has protocol 1."""

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        descriptor = super().get_interface_descriptor(dev, intf, alt, config)
        descriptor.bInterfaceProtocol = 1
        return descriptor


class TestFind:
    def test_all_there_is_to_know(self, f405_bench: Bench, f405: Profile) -> None:
        (device,) = find(backend=f405_bench.backend)
        assert device.ids == "0483:df11"
        assert device.path == "1-1"
        assert device.serial == f405_bench.port.device.serial
        assert (device.configuration, device.interface) == (1, 0)
        assert device.functional == FUNCTIONAL
        assert device.problem is None
        assert [a.number for a in device.alternates] == [0, 1, 2, 3]
        assert [a.text for a in device.alternates] == list(f405.alternates)
        assert [a.name for a in device.alternates] == [
            "Internal Flash",
            "Option Bytes",
            "OTP Memory",
            "Device Feature",
        ]
        assert device.alternates[0].layout == parse_layout(f405.alternates[0])

    def test_filters(self, make_bench: MakeBench) -> None:
        benches = make_bench(serial="ONE"), make_bench(serial="TWO")
        backend = Backend(*(bench.port for bench in benches))
        paths = {
            selection: [device.path for device in find(selection, backend)]
            for selection in (
                Selection(),
                Selection(serial="TWO"),
                Selection(serial="THREE"),
                Selection(path="1-2"),
                Selection(path="1-1", serial="TWO"),
                Selection(vendor=0x0483, product=0xDF11),
                Selection(vendor=0x0483, product=0x0000),
                Selection(vendor=0x1D50),
            )
        }
        assert list(paths.values()) == [["1-1", "1-2"], ["1-2"], [], ["1-2"], [], ["1-1", "1-2"], [], []]

    def test_device_that_may_not_be_opened(self, f405_bench: Bench) -> None:
        (device,) = find(backend=Locked(f405_bench.port))
        assert device.serial is None
        assert [a.text for a in device.alternates] == [""] * 4
        assert device.functional == FUNCTIONAL
        assert "permission denied" in str(device.problem)
        with pytest.raises(HostError, match="permission denied"), device.open():
            pytest.fail("must not get here")

    @pytest.mark.parametrize("index", [0, 3, 4])
    def test_strings_that_do_not_come_at_once(self, f405_bench: Bench, f405: Profile, index: int) -> None:
        (device,) = find(backend=Noisy(f405_bench.port, index, 2, errno.EPROTO))
        assert [a.text for a in device.alternates] == list(f405.alternates)
        assert (device.serial, device.problem) == (f405_bench.port.device.serial, None)

    def test_strings_that_do_not_come(
        self, f405_bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        f405_bench.backend = Noisy(f405_bench.port, 4, 100, errno.EPROTO)
        (device,) = find(backend=f405_bench.backend)
        assert [a.text for a in device.alternates] == [""] * 4
        assert f405_bench.run("read", tmp_path / "out.bin") == ExitCode.USAGE
        assert capsys.readouterr().err.splitlines() == [
            "dfu-host: reading the strings of 0483:df11: the device has left the bus (it failed)",
            "dfu-host: alternate 0 has no memory layout: its name is ''",
        ]

    def test_a_string_that_is_stalled_is_none(self, f405_bench: Bench, f405: Profile) -> None:
        (device,) = find(backend=Noisy(f405_bench.port, 4, 100, errno.EPIPE))
        assert [a.text for a in device.alternates] == ["", *f405.alternates[1:]]
        assert device.problem is None

    def test_devices_are_open_only_while_in_use(self, f405_bench: Bench) -> None:
        backend = Counting(f405_bench.port)
        (device,) = find(backend=backend)
        assert backend.open == 0
        with device.open() as link:
            assert backend.open == 1
            Session(link, device.transfer_size()).to_idle()
        assert backend.open == 0

    def test_path_without_ports(self, f405_bench: Bench) -> None:
        class NoPorts(Backend):
            def get_device_descriptor(self, dev: Any) -> Any:
                descriptor = super().get_device_descriptor(dev)
                descriptor.port_numbers = None
                return descriptor

        (device,) = find(backend=NoPorts(f405_bench.port))
        assert device.path == f"1-d{f405_bench.port.address}"

    def test_runtime_interfaces_are_no_bootloaders(self, f405_bench: Bench) -> None:
        assert find(backend=Runtime(f405_bench.port)) == []

    def test_plain_dfu_devices_are_left_alone(self, make_bench: MakeBench, f405: Profile) -> None:
        plain = replace(variant(f405, "dfu", bcdDFUVersion=0x0110), alternates=("Firmware",))
        assert find(backend=make_bench(plain).backend) == []

    def test_no_libusb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_backend(**_options: object) -> None:
            raise usb.core.NoBackendError("No backend available")

        monkeypatch.setattr(usb.core, "find", no_backend)
        with pytest.raises(HostError, match=r"libusb-1\.0-0"):
            find()


class TestFunctional:
    @pytest.mark.parametrize("backend", [Bare, AnswersAsDevice])
    def test_is_asked_for_where_the_configuration_lacks_it(
        self, f405_bench: Bench, backend: type[Backend]
    ) -> None:
        (device,) = find(backend=backend(f405_bench.port))
        assert device.functional == FUNCTIONAL

    def test_that_does_not_come_at_once(self, f405_bench: Bench) -> None:
        (device,) = find(backend=NoisyAndBare(f405_bench.port, 2))
        assert (device.functional, device.problem) == (FUNCTIONAL, None)

    def test_that_does_not_come(self, f405_bench: Bench, f405: Profile) -> None:
        (device,) = find(backend=NoisyAndBare(f405_bench.port, 100))
        assert device.functional is None
        assert str(device.problem).startswith("reading the DFU functional descriptor of 0483:df11: ")
        assert [a.text for a in device.alternates] == list(f405.alternates)

    def test_is_not_asked_for_where_it_is_there(self, f405_bench: Bench) -> None:
        find(backend=f405_bench.backend)
        assert 0x2100 not in [transfer.setup.wValue for transfer in f405_bench.transfers]

    def test_transfer_size_without_it(self, f405_bench: Bench) -> None:
        (device,) = find(backend=Barer(f405_bench.port))
        assert device.functional is None
        assert device.transfer_size(1024) == 1024
        with pytest.raises(UsageError, match="--transfer-size"):
            device.transfer_size()

    def test_transfer_size_is_the_descriptors(self, f405_bench: Bench) -> None:
        assert pick(backend=f405_bench.backend).transfer_size(64) == 2048


class TestPick:
    @pytest.mark.parametrize("selection", [None, Selection(serial="X")])
    def test_none(self, selection: Selection | None) -> None:
        with pytest.raises(NoDeviceError, match="no DfuSe device found: is it plugged in"):
            pick(selection, Backend())

    @pytest.mark.parametrize("selection", [Selection(serial="X"), Selection(0x1234), Selection(path="1-9")])
    def test_others_are_named(self, make_bench: MakeBench, selection: Selection) -> None:
        backend = Backend(make_bench(serial="ONE").port, make_bench(serial="TWO").port)
        with pytest.raises(
            NoDeviceError, match=r"no device matches.*there is 0483:df11 path 1-1 serial ONE; .*serial TWO$"
        ):
            pick(selection, backend)

    def test_none_because_of_permissions(self, f405_bench: Bench) -> None:
        with pytest.raises(NoDeviceError, match="permission denied"):
            pick(Selection(serial="X"), Locked(f405_bench.port))

    def test_several(self, make_bench: MakeBench) -> None:
        backend = Backend(make_bench(serial="ONE").port, make_bench(serial="TWO").port)
        with pytest.raises(NoDeviceError, match=r"2 devices match.*path 1-1 serial ONE.*path 1-2 serial TWO"):
            pick(backend=backend)
        assert pick(Selection(serial="TWO"), backend).path == "1-2"


class TestAlternate:
    @pytest.mark.parametrize(
        ("choice", "number"),
        [(None, 0), ("0", 0), ("2", 2), ("Option Bytes", 1), ("otp", 2), (" INTERNAL flash ", 0)],
    )
    def test_choice(self, f405_bench: Bench, choice: str | None, number: int) -> None:
        assert pick(backend=f405_bench.backend).alternate(choice).number == number

    @pytest.mark.parametrize(
        ("choice", "problem"), [("4", "no alternate"), ("Flash", "no alternate"), ("O", "more than one")]
    )
    def test_no_choice(self, f405_bench: Bench, choice: str, problem: str) -> None:
        with pytest.raises(UsageError, match=rf"{problem}.*0 \(Internal Flash\), 1 \(Option Bytes\)"):
            pick(backend=f405_bench.backend).alternate(choice)

    def test_junk_in_a_layout_string(self, make_bench: MakeBench, f405: Profile) -> None:
        odd = replace(f405, alternates=("no layout", "@Flash /0x08000000/04*016Kg\x01junk"))
        device = pick(backend=make_bench(odd).backend)
        assert device.alternates[0].layout is None
        assert device.alternates[0].name == "no layout"
        assert device.alternate("flash").number == 1
