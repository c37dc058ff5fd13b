"""What a program sees before it asks: libusb's view, sysfs, the node's file."""

from emulator.transports.preload.programs import Child


def test_the_whole_device_is_seen(child: Child) -> None:
    seen = child(
        """
        device = find()
        print(json.dumps([device.bcdUSB, device.bcdDevice, device.speed, device.port_numbers,
                          device.manufacturer, device.product, device.serial_number,
                          [interface.bAlternateSetting for interface in device[0]]]))
        """
    )
    full_speed = 2
    text = ["STMicroelectronics", "STM32  BOOTLOADER", "325E35633334"]
    assert seen == [0x0100, 0x2200, full_speed, [1], *text, [0, 1, 2, 3]]


def test_sysfs_has_what_the_kernel_would_show(child: Child) -> None:
    names = (
        "idVendor",
        "idProduct",
        "bcdDevice",
        "serial",
        "product",
        "speed",
        "version",
        "devnum",
        "busnum",
    )
    seen = child(
        f"""
        folder = "/sys/bus/usb/devices/1-1/"
        values = [open(folder + name).read().rstrip() for name in {names!r}]
        values.append(open(folder + "1-1:1.0/interface").read().rstrip())
        values.append(len(open(folder + "descriptors", "rb").read()))
        print(json.dumps(values))
        """
    )
    name = "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"
    numbers = ["12", " 1.00", "2", "1"]
    assert seen == ["0483", "df11", "2200", "325E35633334", "STM32  BOOTLOADER", *numbers, name, 18 + 54]


def test_the_node_can_be_read_and_stated(child: Child) -> None:
    seen = child(
        """
        import stat
        state = os.stat(NODE)
        with open(NODE, "rb", buffering=0) as node:
            print(json.dumps([stat.S_ISCHR(state.st_mode), os.major(state.st_rdev), os.minor(state.st_rdev),
                              node.read(100).hex()]))
        """
    )
    assert isinstance(seen, list)
    assert seen[:3] == [True, 189, 1]
    assert bytes.fromhex(seen[3])[:4] == bytes.fromhex("12010001")
    assert len(bytes.fromhex(seen[3])) == 18 + 54
