"""What users call a chip, and which profile that is."""

from pathlib import Path

import pytest

from dfu_emulator.profile import ProfileError, available, load
from dfu_emulator.profile.names import find
from dfu_emulator.profile.shipped import path_of

SHELF = {
    "stm32f042": "part: STM32F042C6",
    "stm32f401cc": "part: STM32F401CC",
    "stm32f401re": "part: STM32F401RE\naliases: [stm32f401]",
    "stm32f405": "part: STM32F405RG\naliases: [stm32f407vg]",
    "stm32g474": "part: STM32G474RE",
    "stm32l4r9": "part: STM32L4R9ZI",
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few shipped profiles that stay as they are, and an empty working directory."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name, text in SHELF.items():
        (folder / f"{name}.yaml").write_text(text)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("dfu_emulator.profile.shipped.SHIPPED", folder)


@pytest.mark.usefixtures("shelf")
class TestOnTheShelf:
    @pytest.mark.parametrize(
        ("name", "profile"),
        [
            # Its name, in any case, with and without the brand
            ("stm32f405", "stm32f405"),
            ("STM32F405", "stm32f405"),
            ("Stm32F405", "stm32f405"),
            ("F405", "stm32f405"),
            ("f405", "stm32f405"),
            # A part number, with all that follows, and an alias
            ("stm32f405rg", "stm32f405"),
            ("STM32F405RGT6", "stm32f405"),
            ("f405rgt6tr", "stm32f405"),
            ("F407VGT6", "stm32f405"),
            # Another package, pin count or temperature
            ("STM32F405ZGT6", "stm32f405"),
            ("STM32F405OGY7", "stm32f405"),
            ("F407zg", "stm32f405"),
            ("stm32f042f6p6", "stm32f042"),
            ("STM32L4R9AII6", "stm32l4r9"),
            # Which flash it has decides
            ("STM32F401CCU6", "stm32f401cc"),
            ("STM32F401RCT6", "stm32f401cc"),
            ("STM32F401CEU6", "stm32f401re"),
            # As much as is unambiguous
            ("stm32f405r", "stm32f405"),
            ("f407", "stm32f405"),
            ("f401c", "stm32f401cc"),
            ("f0", "stm32f042"),
            ("l", "stm32l4r9"),
            # An alias says more than the beginning of another name
            ("f401", "stm32f401re"),
        ],
    )
    def test_what_a_chip_is_called(self, name: str, profile: str) -> None:
        assert find(name) == path_of(profile)

    @pytest.mark.parametrize(
        ("name", "profiles"),
        [
            ("f4", "stm32f401cc, stm32f401re, stm32f405"),
            ("STM32F", "stm32f042, stm32f401cc, stm32f401re, stm32f405"),
            ("stm32f40", "stm32f401cc, stm32f401re, stm32f405"),
        ],
    )
    def test_an_ambiguous_name(self, name: str, profiles: str) -> None:
        with pytest.raises(ProfileError) as caught:
            find(name)
        assert str(caught.value) == f"{name!r} may be any of these, choose one: {profiles}"

    def test_one_part_in_two_profiles(self) -> None:
        path_of("stm32f405-old").write_text("part: STM32F405RG")
        with pytest.raises(ProfileError, match=r"choose one: stm32f405, stm32f405-old$"):
            find("STM32F405ZGT6")
        assert find("f405") == path_of("stm32f405")

    @pytest.mark.parametrize(
        ("name", "part", "advice"),
        [
            ("STM32F405RET6", "STM32F405RET6", "take 'stm32f405' with --set flash.size=512K"),
            ("f405re", "STM32F405RE", "take 'stm32f405' with --set flash.size=512K"),
            ("f407ze", "STM32F407ZE", "take 'stm32f405' with --set flash.size=512K"),
            ("f401cb", "STM32F401CB", "take 'stm32f401cc' with --set flash.size=128K"),
            ("f401vd", "STM32F401VD", "take 'stm32f401cc' with --set flash.size=384K"),
            ("f042c4", "STM32F042C4", "take 'stm32f042' with --set flash.size=16K"),
            ("l4r9zg", "STM32L4R9ZG", "take 'stm32l4r9' with --set flash.size=1M"),
            ("l4r9zj", "STM32L4R9ZJ", "take 'stm32l4r9' with --set flash.size=4M"),
        ],
    )
    def test_a_flash_of_another_size(self, name: str, part: str, advice: str) -> None:
        with pytest.raises(ProfileError) as caught:
            find(name)
        assert str(caught.value) == f"there is no profile of the {part}: {advice}"

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("stm32f4005", "stm32f405"),
            ("f4005", "stm32f405"),
            ("f407vq", "stm32f407vg"),  # no such flash
            ("STM32G747", "stm32g474"),
            ("stm32f042x", "stm32f042"),
        ],
    )
    def test_an_unknown_name_with_a_near_one(self, wrong: str, right: str) -> None:
        with pytest.raises(ProfileError) as caught:
            find(wrong)
        assert str(caught.value) == f"no profile is called {wrong!r}; did you mean {right!r}?"

    @pytest.mark.parametrize(
        "name", ["", " ", "esp32", "rp2040", "\0", "x" * 5000, "..", "*", "[", "stm8s105"]
    )
    def test_an_unknown_name_with_none_near(self, name: str) -> None:
        with pytest.raises(ProfileError) as caught:
            find(name)
        assert str(caught.value) == f"no profile is called {name!r}; 'dfu-emulator profiles list' shows all"

    def test_a_file_that_looks_like_a_name(self) -> None:
        Path("board").touch()
        with pytest.raises(ProfileError) as caught:
            find("board")
        assert str(caught.value) == "no profile is called 'board'; if you mean the file, write './board'"
        assert find("./board") == Path("board")

    def test_a_file_hides_no_profile(self) -> None:
        for name in ("f405", "stm32f405", "F405RGT6"):
            Path(name).touch()
            assert find(name) == path_of("stm32f405")

    def test_a_folder_is_no_file(self) -> None:
        Path("board").mkdir()
        with pytest.raises(ProfileError, match="shows all"):
            find("board")

    @pytest.mark.parametrize(
        "name", ["mine.yaml", "mine.yml", "folder/f405", "./f405", "/f405", "stm32f405.yaml"]
    )
    def test_a_path_is_one_whether_it_is_there_or_not(self, name: str) -> None:
        assert find(name) == Path(name)


@pytest.mark.parametrize("name", available())
def test_shipped_profiles_go_by_all_their_names(name: str) -> None:
    profile = load(name)
    for called in (name, profile.part, *profile.aliases):
        for spelled in (called.lower(), called.upper(), called.lower().removeprefix("stm32")):
            assert find(spelled) == path_of(name)


def test_the_advice_for_another_size_works() -> None:
    with pytest.raises(ProfileError, match=r"take 'stm32f405' with --set flash\.size=512K"):
        load("STM32F407VET6")
    assert load("stm32f405", settings=["flash.size=512K"]).memory.flash.size == 512 * 1024


def test_a_shipped_file_of_a_family_is_no_profile() -> None:
    with pytest.raises(ProfileError, match="'stm32f4' may be any of these, choose one: stm32f401cc, "):
        load("stm32f4")
