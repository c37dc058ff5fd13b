"""What dfu-util -l printed of real chips, as published by their owners: the profiles' yardstick."""

from dataclasses import dataclass

from dfu_emulator.profile import Profile, load


@dataclass(frozen=True)
class Listing:
    """One chip: its profile with what is changed of it, and what dfu-util 0.11 prints of the real one."""

    chip: str
    serial: str
    names: tuple[str, ...]
    """Of the alternate settings, in the order of the listing: the last is alternate 0."""
    version: str = "2200"
    """bcdDevice."""
    rom: str | None = None
    settings: tuple[str, ...] = ()
    partial: bool = False
    """True where not all of the alternate settings were published."""

    @property
    def profile(self) -> Profile:
        """The chip that must look like this."""
        return load(self.chip, rom_version=self.rom, settings=self.settings)

    def __str__(self) -> str:
        return "-".join(filter(None, (self.chip, self.rom, *self.settings, self.serial)))


F4_SMALL_ALTERNATES = (
    "@Device Feature/0xFFFF0000/01*004 e",
    "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
    "@Option Bytes  /0x1FFFC000/01*016 e",
)
F4_512K = (*F4_SMALL_ALTERNATES, "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg")
F42X_FLASH = "/0x08000000/04*016Kg,01*064Kg,07*128Kg,04*016Kg,01*064Kg,07*128Kg"
F42X_OPTIONS = "@Option Bytes  /0x1FFFC000/01*016 e/0x1FFEC000/01*016 e"
F3_OPTIONS = "@Option Bytes  /0x1FFFF800/01*016 e"
H7_OPTIONS = "@Option Bytes   /0x5200201C/01*128 e"
H743 = (H7_OPTIONS, "@Internal Flash   /0x08000000/16*128Kg")
U5_SMALL_ALTERNATES = (
    "@OTP Memory   /0x0BFA0000/01*512 e",
    "@Option Bytes   /0x40022040/01*64 e",
)

LISTINGS = (
    Listing("stm32f042", "FFFFFFFEFFFF", (F3_OPTIONS, "@Internal Flash  /0x08000000/032*0001Kg")),
    Listing("stm32f072", "FFFFFFFEFFFF", (F3_OPTIONS, "@Internal Flash  /0x08000000/064*0002Kg")),
    # A board with an STM32F105, or a clone of one.
    Listing("stm32f105rc", "STM32", (F3_OPTIONS, "@Internal Flash  /0x08000000/128*002Kg")),
    Listing("stm32f303cc", "206B30532035", (F3_OPTIONS, "@Internal Flash  /0x08000000/128*0002Kg")),
    Listing("stm32f411", "389035483339", (F4_512K[-1],), partial=True),
    # A board with an F4 of 512 KiB that is not named.
    Listing("stm32f401re", "337938943430", F4_512K),
    Listing("stm32f411", "337938943430", F4_512K),
    Listing("stm32f405", "337938943430", F4_512K, settings=("flash.size=512K",)),
    Listing(
        "stm32f429",
        "315A35663432",
        (
            F4_SMALL_ALTERNATES[0],
            "@OTP Memory /0x1FFF7800/01*512 e,01*016 e/0x1FFE7800/01*512 e,01*016 e",
            F42X_OPTIONS,
            f"@Internal Flash {F42X_FLASH}",
        ),
        rom="2200-otp2",
    ),
    Listing(
        "stm32f429",
        "326433593336",
        (*F4_SMALL_ALTERNATES[:2], F42X_OPTIONS, f"@Internal Flash  {F42X_FLASH}"),
    ),
    Listing("stm32f446", "STM32FxSTM32", F4_512K),
    Listing(
        "stm32f722",
        "STM32FxSTM32",
        (
            "@Device Feature/0xFFFF0000/01*004 e",
            "@OTP Memory /0x1FF07800/01*528e",
            "@Option Bytes  /0x1FFF0000/01*048 e",
            "@Internal Flash  /0x08000000/04*016Kg,01*64Kg,03*128Kg",
        ),
    ),
    Listing("stm32g0b1", "207637974130", ("@Internal Flash   /0x08000000/64*02Kg",) * 3, "0200"),
    Listing(
        "stm32g431",
        "208A31574253",
        (
            "@OTP Memory   /0x1FFF7000/01*01Ke",
            "@Option Bytes   /0x1FFF7800/01*40Be",
            "@Internal Flash   /0x08000000/64*02Kg",
        ),
        "0200",
    ),
    Listing(
        "stm32g474",
        "205939885533",
        (
            "@OTP Memory   /0x1FFF7000/01*1024 e",
            "@Option Bytes   /0x1FFF7800/01*048 e/0x1FFFF800/01*048 e",
            "@Internal Flash   /0x08000000/256*02Kg",
        ),
        "0200",
    ),
    Listing(
        "stm32h723",
        "3560376F3431",
        ("@Option Bytes   /0x5200201C/01*88 e", "@Internal Flash   /0x08000000/8*128Kg"),
        "0200",
    ),
    Listing("stm32h743", "200364500000", H743, "0200"),
    Listing("stm32h753zi", "200000500000", H743, "0200"),
    Listing(
        "stm32h7a3",
        "376E356F3339",
        (
            "@OTP Memory   /0x08FFF000/01*1024 e",
            "@Option Bytes   /0x5200201C/01*297 e",
            "@Internal Flash   /0x08000000/256*08Kg",
        ),
        "0200",
    ),
    Listing(
        "stm32l083",
        "7FB4A4356231",
        (
            "@DATA Memory /0x08080000/2*3Ke",
            "@Option Bytes  /0x1FF80000/01*032 e",
            "@Internal Flash  /0x08000000/1536*128g",
        ),
    ),
    # A device with an L1 of 256 KiB that is not named.
    Listing(
        "stm32l152rc",
        "76B0A1336969",
        (
            "@DATA Memory /0x08080000/02*004Ke",
            "@Option Bytes  /0x1FF80000/01*032 e",
            "@Internal Flash  /0x08000000/1024*256 g",
        ),
    ),
    # A device with an L4 of 512 KiB that is not named.
    *(
        Listing(
            chip,
            "205834865852",
            (
                "@Device Feature/0xFFFF0000/01*004 e",
                "@OTP Memory /0x1FFF7000/01*0001Ke",
                "@Option Bytes  /0x1FFF7800/01*040 e",
                "@Internal Flash  /0x08000000/0256*0002Kg",
            ),
            settings=settings,
        )
        for chip, settings in (("stm32l452", ()), ("stm32l476", ("flash.size=512K",)))
    ),
    Listing(
        "stm32l4r9",
        "204A325D574D",
        (
            "@OTP Memory /0x1FFF7000/01*0001Ke",
            "@Option Bytes  /0x1FF00000/01*040 e/0x1FF01000/01*040 e",
            "@Internal Flash  /0x08000000/512*0004Kg",
        ),
    ),
    Listing(
        "stm32u585",
        "207136863530",
        (*U5_SMALL_ALTERNATES, "@Internal Flash   /0x08000000/256*08Kg"),
        "0200",
    ),
    # A device with a U5 of 4 MiB that is not named.
    *(
        Listing(
            chip,
            "205B396A5242",
            (*U5_SMALL_ALTERNATES, "@Internal Flash   /0x08000000/512*08Kg"),
            "0200",
            settings=settings,
        )
        for chip, settings in (("stm32u5a5", ()), ("stm32u585", ("flash.size=4M",)))
    ),
)

# Unique ids and serial numbers, published together in ST's forum: the three words, or their bytes in memory.
SERIAL_NUMBERS = (
    ("stm32f405", "002D0030 3334510B 32313533", "325E35633334"),
    ("stm32f205", "002D0030 3334510B 32313533", "325E35633334"),
    ("stm32f303cc", "003B0041 50335706 20333333", "206E33742033"),
    ("stm32f412", "0023001F 35375109 36373731", "365A375A3537"),
    ("stm32h743", "00200032 3438510E 31373439", "200364500000"),  # of an H745
    ("stm32c071", "7A00-2500-0150-3642-4837-3020", "205537C24236"),
    ("stm32c071", "7B00-5700-0150-3642-4837-3020", "208737C34236"),
    ("stm32c071", "7B00-2700-0150-3642-4837-3020", "205737C34236"),
    ("stm32c071", "7B00-8100-0150-3642-4837-3020", "20B137C34236"),
)
