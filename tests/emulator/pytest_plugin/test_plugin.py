"""What the plugin does to a run of pytest: reports, strict settings, and what others pay for it."""

import re

import pytest

from dfu_emulator.transports.preload import bus

FAILS = """
    import usb.core

    def test_upload(stm32):
        device = usb.core.find(idVendor=0x0483)
        device.ctrl_transfer(0x21, 4, 0, 0, None)
        for _ in range(30):
            device.ctrl_transfer(0xA1, 5, 0, 0, 1)
        device.ctrl_transfer(0x21, 1, 0, 0, bytes.fromhex("21 00 00 00 08"))
        device.ctrl_transfer(0xA1, 3, 0, 0, 6)
        device.ctrl_transfer(0xA1, 3, 0, 0, 6)
        device.ctrl_transfer(0xA1, 2, 2, 0, 2048)
"""


def sections(result: pytest.RunResult) -> dict[str, str]:
    """The texts of a report under their headings, of the plugin's."""
    found = re.split(r"^[-=_]+ (.+?) [-=_]+$", result.stdout.str(), flags=re.MULTILINE)
    return {
        name: text.strip("\n")
        for name, text in zip(found[1::2], found[2::2], strict=True)
        if name.startswith("stm32")
    }


class TestReport:
    @pytest.mark.parametrize("arguments", [(), ("-n", "1")], ids=["alone", "xdist"])
    def test_a_failing_tests_has_the_traces_end_and_the_advice(
        self, pytester: pytest.Pytester, arguments: tuple[str, ...]
    ) -> None:
        pytester.makepyfile(FAILS)
        result = pytester.runpytest(*arguments)
        result.assert_outcomes(failed=1)
        trace, advice = sections(result).items()
        assert trace[0] == "stm32: STM32F405RG: the end of its trace"
        lines = trace[1].splitlines()
        assert len(lines) == 8
        assert lines[3].endswith("(x 30)")
        assert "UPLOAD is not allowed in dfuDNLOAD-IDLE" in lines[-1]
        assert advice[0] == "stm32: STM32F405RG: advice"
        assert "Send DFU_ABORT first" in advice[1]
        seconds = lines[-1].split()[0]
        assert f"first:  {seconds}  DFU_UPLOAD" in advice[1], "one is found in the other"

    def test_the_end_is_twenty_lines(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_reads(stm32):
                for number in range(25):
                    stm32.device.ctrl_transfer(0xA1, 3 + 2 * (number % 2), 0, 0, 6)
                assert False
            """
        )
        (trace,) = sections(pytester.runpytest()).values()
        assert len(trace.splitlines()) == 20

    def test_what_programs_have_printed(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_programs(stm32):
                stm32.run(["printf", r"one\\rtwo\\rthree\\nfour"])
                stm32.run(["sh", "-c", "echo begun; exec sleep 1000"], timeout=0.5)
            """
        )
        result = pytester.runpytest()
        found = sections(result)
        assert list(found)[:2] == [
            "stm32: STM32F405RG: printf 'one\\rtwo\\rthree\\nfour': exit code 0",
            "stm32: STM32F405RG: sh -c 'echo begun; exec sleep 1000': killed after 0.5 s",
        ]
        assert list(found.values())[:2] == ["three\nfour", "begun"]

    def test_several_chips_are_numbered(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_two(stm32, make_stm32):
                make_stm32(profile="stm32h743")
                assert False
            """
        )
        assert list(sections(pytester.runpytest())) == [
            "stm32 1: STM32F405RG: the end of its trace",
            "stm32 2: STM32H743ZI: the end of its trace",
        ]

    def test_an_assertion_names_the_kinds_of_advice(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_advice(stm32):
                stm32.device.ctrl_transfer(0x21, 4, 0, 0, None)
                stm32.device.ctrl_transfer(0x21, 1, 2, 0, bytes(4))
                assert not stm32.advice
            """
        )
        result = pytester.runpytest()
        result.stdout.fnmatch_lines(["E * assert not <advice: missing-getstatus>"])
        assert "Send GETSTATUS after each DNLOAD" in sections(result)["stm32: STM32F405RG: advice"]

    @pytest.mark.parametrize("outcome", ["pass", "pytest.skip('later')", "pytest.xfail('not yet')"])
    def test_others_have_none_of_it(self, pytester: pytest.Pytester, outcome: str) -> None:
        pytester.makepyfile(f"import pytest\ndef test_other(stm32):\n    {outcome}")
        assert sections(pytester.runpytest("-rA")) == {}

    def test_a_fixture_that_fails_with_its_chip(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import pytest

            @pytest.fixture
            def flashed(stm32):
                raise RuntimeError("this one")

            def test_it(flashed):
                pass
            """
        )
        result = pytester.runpytest()
        result.assert_outcomes(errors=1)
        assert list(sections(result)) == ["stm32: STM32F405RG: the end of its trace"]


def test_chips_are_unplugged_in_the_reverse_order_whatever_the_test_does(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        import usb.backend.libusb1
        from dfu_emulator.port import Port

        real = usb.backend.libusb1.get_backend

        def test_two(stm32, make_stm32, monkeypatch):
            other = make_stm32(profile="stm32h743")
            stm32.environment, other.environment
            unplug = Port.unplug
            def noted(port):
                print("unplugged", port.device.profile.name)
                unplug(port)
            pytest.MonkeyPatch().setattr(Port, "unplug", noted)
            assert usb.backend.libusb1.get_backend is not real
            assert False

        def test_after():
            assert usb.backend.libusb1.get_backend is real
        """
    )
    result = pytester.runpytest_subprocess("-s")
    result.assert_outcomes(failed=1, passed=1)
    unplugged = [line for line in result.outlines if "unplugged " in line]
    assert [line.split()[-1] for line in unplugged] == ["stm32h743", "stm32f405"]


def test_strict_settings(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\nstm32_profile = f405"
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.stm32(rdp=1)
        def test_it(stm32):
            assert stm32.run(["true"]).returncode == 0
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_marker_and_the_fixtures_are_explained(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.stm32(profile=..., scenario=..., *"])
    fixtures = pytester.runpytest("--fixtures").outlines
    assert {line.split(" -- ")[0] for line in fixtures if "stm32 -- " in line} == {"stm32", "make_stm32"}


def test_who_does_not_use_it_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {name for name in sys.modules if name.startswith(("dfu_", "usb", "msgspec", "rich."))}
            assert loaded == {"dfu_emulator", "dfu_emulator.pytest_plugin"}
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


class TestWithoutThePreloadLibrary:
    @pytest.fixture(autouse=True)
    def missing(self, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
        monkeypatch.setattr(bus, "LIBRARY", "libno-such-library.so.0")
        pytester.makepyfile("def test_it(stm32): stm32.run(['true'])")

    def test_a_test_is_skipped_with_the_reason(
        self, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
    ) -> None:
        monkeypatch.delenv("CI", raising=False)
        result = pytester.runpytest("-rs")
        result.assert_outcomes(skipped=1)
        result.stdout.fnmatch_lines(["SKIPPED*libno-such-library.so.0 is missing: install the package*"])

    def test_on_ci_it_fails(self, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
        monkeypatch.setenv("CI", "true")
        result = pytester.runpytest()
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["stm32: libno-such-library.so.0 is missing: *"])


def test_a_program_cannot_have_a_chip_whose_time_stands_still(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(make_stm32): make_stm32(clock='manual').run(['true'])")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['stm32: a program of its own cannot see a chip with clock="manual": *'])
