"""Which chip a test gets: markers, parameters and the ini file, in projects of their own."""

import pytest

SHOWS_KEYS = """
    def keys(chip):
        option_bytes = chip.port.device.bootloader.chip.option_bytes
        return chip.profile.name, option_bytes.rdp_level, chip.flash[:2]
"""


def errors(result: pytest.RunResult) -> list[str]:
    """What the report says in the place of a traceback."""
    return [line for line in result.outlines if line.startswith("stm32: ")]


def test_the_closest_marker_wins_key_by_key(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SHOWS_KEYS
        + """
    import pytest
    pytestmark = pytest.mark.stm32(profile="stm32f072", rdp=1, image=b"mo")

    def test_module(stm32):
        assert keys(stm32) == ("stm32f072", 1, b"mo")

    @pytest.mark.stm32(image=b"cl")
    class TestClass:
        def test_class(self, stm32):
            assert keys(stm32) == ("stm32f072", 1, b"cl")

        @pytest.mark.stm32(profile="stm32h743", rdp=0)
        def test_function(self, stm32):
            assert keys(stm32) == ("stm32h743", 0, b"cl")

        @pytest.mark.stm32(profile="stm32h743")
        def test_others(self, stm32, make_stm32):
            assert keys(make_stm32()) == keys(stm32)
            assert keys(make_stm32(profile="stm32f405", rdp=0)) == ("stm32f405", 0, b"cl")
    """
    )
    pytester.runpytest().assert_outcomes(passed=4)


def test_the_same_test_with_several_chips(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        SHOWS_KEYS
        + """
    import pytest

    @pytest.mark.stm32(image=b"it")
    @pytest.mark.parametrize("stm32", ["f405", {"profile": "h743", "rdp": 1}], indirect=True)
    def test_parameter(stm32):
        assert keys(stm32) in [("stm32f405", 0, b"it"), ("stm32h743", 1, b"it")]

    @pytest.mark.parametrize(
        "name", [pytest.param("stm32h743", marks=pytest.mark.stm32(profile="h743")), "stm32f405"]
    )
    def test_marked_parameter(stm32, name):
        assert stm32.profile.name == name
    """
    )
    pytester.runpytest().assert_outcomes(passed=4)


def test_the_ini_file_names_the_chip_of_those_that_name_none(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nstm32_profile = stm32h743")
    pytester.makepyfile(
        """
        import pytest

        def test_default(stm32):
            assert stm32.profile.name == "stm32h743"

        @pytest.mark.stm32(profile="stm32f405")
        def test_marked(stm32):
            assert stm32.profile.name == "stm32f405"
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_path_in_the_ini_file_is_relative_to_it(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nstm32_profile = chips/mine.yaml")
    (pytester.mkdir("chips") / "mine.yaml").write_text("extends: stm32f405\nname: my_chip\n")
    test = "def test_it(stm32): assert stm32.profile.name == 'my_chip'"
    (pytester.mkdir("tests") / "test_it.py").write_text(test)
    pytester.runpytest().assert_outcomes(passed=1)


def test_paths_are_relative_to_the_tests_file(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("tests")
    (folder / "firmware.bin").write_bytes(b"from a file")
    (folder / "chip.yaml").write_text("extends: stm32f405\nname: my_chip\n")
    (folder / "quiet.yaml").write_text("start: {rdp: 1}\n")
    (folder / "test_files.py").write_text(
        "import pytest\n"
        '@pytest.mark.stm32(image="firmware.bin", profile="chip.yaml", scenario="./quiet.yaml")\n'
        "def test_files(stm32):\n"
        "    assert stm32.flash.startswith(b'from a file')\n"
        "    assert stm32.profile.name == 'my_chip'\n"
        "    assert stm32.port.device.bootloader.chip.option_bytes.rdp_level == 1\n"
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_a_profile_with_changes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from dfu_emulator.profile import load
        from dfu_emulator.scenario import Scenario

        @pytest.mark.stm32(settings=["dfu.wTransferSize=512"])
        def test_settings(stm32):
            assert stm32.profile.dfu.wTransferSize == 512

        @pytest.mark.stm32(
            settings=["dfu.wTransferSize=512"], scenario=Scenario(set={"dfu.wTransferSize": 64})
        )
        def test_settings_have_the_last_word(stm32):
            assert stm32.profile.dfu.wTransferSize == 512

        @pytest.mark.stm32(profile=load("stm32h743"))
        def test_object(stm32):
            assert stm32.profile.name == "stm32h743"

        @pytest.mark.stm32(
            profile=load("stm32h743"),
            settings=["dfu.wTransferSize=512"],
            scenario=Scenario(set={"dfu.wTransferSize": 64, "usb.bMaxPacketSize0": 8}),
        )
        def test_object_with_changes(stm32):
            assert stm32.profile.dfu.wTransferSize == 512
            assert stm32.profile.usb.bMaxPacketSize0 == 8

        @pytest.mark.stm32(serial="MINE", unique_id=(1, 2, 3))
        def test_serial(stm32):
            assert stm32.device.serial_number == "MINE"
        """
    )
    pytester.runpytest().assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            'profil="f405"',
            "there is no key 'profil'; did you mean 'profile'? There are boot0, clock, image, ",
        ),
        ('"f405"', "the marker takes keys, such as profile=..., not 'f405'"),
        ('profile="stm32f999"', "no profile is called 'stm32f999'; did you mean "),
        ('profile="no-such.yaml"', "no-such.yaml: "),
        ('scenario="everything-fails"', "no scenario is called 'everything-fails'; "),
        ('settings="flash.size=512K"', "settings is a list or tuple, not 'flash.size=512K'"),
        ('settings=["flash.colour=red"]', "flash.colour"),
        ("settings=[5]", "settings are texts, such as 'flash.size=512K', not [5]"),
        ('seed="x"', "seed is an int, not 'x'"),
        ("unique_id=(1, 2)", "a unique id is three numbers from 0 to 0xFFFFFFFF, not (1, 2)"),
        ('unique_id=("1", 2, 3)', "a unique id is three numbers"),
        ('clock=["system"]', "clock is a str, not ['system']"),
        ('timing=""', "timing is one of fast, real, not ''"),
        ('serial=""', "a serial number has at least one character"),
        ('rom_version="9.9"', "9.9"),
        ("image=7", "image is a bytes or str or Path, not 7"),
        ('image="missing.bin"', "missing.bin"),
        ("image=bytes(2**20 + 1)", "the image has 1048577 bytes, the flash of the STM32F405RG 1048576"),
        ('timing="slow"', "timing is one of fast, real, not 'slow'"),
        ('clock="sundial"', "clock is one of system, manual, not 'sundial'"),
        ("rdp=3", "the read protection level is 0, 1 or 2, not 3"),
        ('boot0="low"', "boot0 is True (high) or False (low), not 'low'"),
        ('serial="x" * 200', "string"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(pytester: pytest.Pytester, keys: str, message: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.stm32({keys})
        def test_it(stm32):
            pass
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    (error,) = errors(result)
    assert message in error
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin" not in result.stdout.str()


def test_a_parameter_that_makes_no_sense(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("stm32", [{5: 1}], indirect=True)
        def test_it(stm32):
            pass
        """
    )
    assert "there is no key '5'" in errors(pytester.runpytest())[0]


def test_a_wrong_key_of_the_factory(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(make_stm32): make_stm32(colour='red')")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    assert "there is no key 'colour'. There are" in errors(result)[0]
