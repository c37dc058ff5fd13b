"""A scenario's file: what it may say, and what is said of one that is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfu_emulator.profile import ProfileError
from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario import (
    ALWAYS,
    Do,
    Fault,
    Jobs,
    Level,
    Moment,
    Numbers,
    Requests,
    Scenario,
    Start,
    States,
    When,
    Worn,
    load_scenario,
)
from dfu_emulator.scenario.scalars import StateName, StatusName
from dfu_emulator.timing import WorkKind
from dfu_protocol import Request, State, Status
from dfu_protocol.control import STANDARD

EVERYTHING = """\
title: all there is
shows: how it is written
met:
  - {who: nobody, link: https://example.com}
seed: 3
timing: real
set: {bootloader.clrstatus: stall}
start:
  rdp: 1
  boot0: low
  write_protected: [2, 3]
  worn: {sectors: [4], bits: 3}
  state: dfuERROR
  status: errFIRMWARE
faults:
  - when: {request: UPLOAD, state: [dfuIDLE, dfuUPLOAD-IDLE], block: 5-9, nth: 3, times: always, chance: 0.5}
    do: stall
  - when: {request: GETSTATUS, job: [erase, mass erase], address: 0x08004000-0x08007fff}
    do: power_loss
    done: 0.3
    back_after: 1.5 s
  - when: {request: [DNLOAD, GET_DESCRIPTOR]}
    do: timeout
    moment: during
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def test_all_keys(path: Path) -> None:
    path.write_text(EVERYTHING, encoding="utf-8")
    scenario = load_scenario(str(path))
    assert scenario.name == "mine"
    assert scenario.start == Start(
        rdp=1,
        boot0=Level.LOW,
        write_protected=(2, 3),
        worn=Worn((4,), 3),
        state=StateName(State.ERROR),
        status=StatusName(Status.FIRMWARE),
    )
    assert scenario.faults == (
        Fault(
            do=Do.STALL,
            when=When(
                request=Requests.of(Request.UPLOAD),
                state=States([State.DFU_IDLE, State.UPLOAD_IDLE]),
                block=Numbers((5, 9)),
                nth=3,
                times=ALWAYS,
                chance=scenario.faults[0].when.chance,
            ),
        ),
        Fault(
            do=Do.POWER_LOSS,
            when=When(
                request=Requests.of(Request.GETSTATUS),
                job=Jobs([WorkKind.ERASE, WorkKind.MASS_ERASE]),
                address=Numbers((0x08004000, 0x08007FFF)),
            ),
            done=scenario.faults[1].done,
            back_after=Duration(1_500_000),
        ),
        Fault(
            do=Do.TIMEOUT,
            when=When(request=Requests([(1, Request.DNLOAD), (STANDARD, 6)])),
            moment=Moment.DURING,
        ),
    )
    assert (scenario.faults[0].when.chance, scenario.faults[1].done) == (0.5, 0.3)


def test_an_empty_mapping_is_a_scenario_without_faults(path: Path) -> None:
    path.write_text("{}\n", encoding="utf-8")
    assert load_scenario(str(path)) == Scenario(name="mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fault: []", "mine.yaml:1: fault: unknown key; did you mean 'faults'?"),
        ("name: x", "mine.yaml:1: name: unknown key; a scenario is called as its file is"),
        ("faults: [{}]", "mine.yaml:1: faults.0: the key 'do' is missing"),
        ('seed: 1\ntitle: "a\\e[31mred"', "mine.yaml:2: title: the character '\\x1b' may not stand in it"),
        ('set: {"\\x9b1m": 1}', "mine.yaml:1: set: the character '\\x9b' may not stand in it"),
        ('met: [{who: "\\b", link: x}]', "mine.yaml:1: met.0.who: the character '\\x08' may not"),
        ("faults:\n- do: stal", "mine.yaml:2: faults.0.do: expected one of stall, error"),
        ("faults:\n- do: delay", "mine.yaml:2: faults.0: 'do: delay' needs the key 'time'"),
        ("faults:\n- do: stall\n  bits: 3", "mine.yaml:3: faults.0.bits: does not go with 'do: stall'"),
        ("faults:\n- {do: delay, time: 3}", "faults.0.time: expected a duration like"),
        (
            "faults:\n- {do: timeout, moment: after}",
            "faults.0.moment: an answer that has arrived is not lost",
        ),
        (
            "faults:\n- {do: poll_timeout, bwPollTimeout: 0}",
            "faults.0.when: 'do: poll_timeout' is for the request",
        ),
        ("faults:\n- {do: power_loss, when: {request: DNLOAD}}", "faults.0.when: 'do: power_loss' is for"),
        (
            "faults:\n- {do: power_loss, when: {request: GETSTATUS, state: dfuDNBUSY}}",
            "faults.0.when.state: 'do: power_loss' is for the GETSTATUS that begins a job",
        ),
        (
            "faults:\n- {do: stall, when: {block: 5}}",
            "faults.0.when.block: only DNLOAD and UPLOAD have blocks",
        ),
        (
            "faults:\n- {do: stall, when: {job: erase}}",
            "faults.0.when.job: it is GETSTATUS that starts a job",
        ),
        (
            "faults:\n- {do: stall, when: {request: UPLOADS}}",
            "none of the names here; did you mean 'UPLOAD'?",
        ),
        (
            "faults:\n- {do: stall, when: {request: 2}}",
            "the number 2 is none of the names here; one of DETACH, DNLOAD",
        ),
        ("faults:\n- {do: stall, when: {request: []}}", "request: a list is none of the names here"),
        ("faults:\n- {do: stall, when: {state: idle}}", "state: the text 'idle' is none of the names here"),
        (
            "faults:\n- {do: stall, when: {request: GET_DESCRIPTOR, state: dfuIDLE}}",
            "state: is for the requests of DFU",
        ),
        (
            "faults:\n- {do: stall, when: {request: UPLOAD, block: 9-5}}",
            "block: expected a number, or two like 5-9",
        ),
        (
            "{faults: [{when: {address: 08000000}, do: stall}]}",
            "address: expected a number, or two like 5-9, the smaller first, hexadecimal ones with 0x; found",
        ),
        ("faults:\n- {do: stall, when: {times: 0}}", "times: expected a number from 1 to 1000000, or always"),
        ("faults:\n- {do: stall, when: {chance: 1.5}}", "chance: expected a number above 0, at most 1"),
        ("faults:\n- {do: error, status: OK}", "status: the text 'OK' is none of the names here"),
        (
            "faults:\n- {do: short, bytes: 3, when: {request: [DNLOAD, ABORT]}}",
            "faults.0.when.request: 'do: short' is for requests that bring data to the host",
        ),
        (
            "faults:\n- {do: corrupt, when: {request: SET_INTERFACE}}",
            "faults.0.when.request: 'do: corrupt' is for requests with data",
        ),
        ("start: {state: dfuMANIFEST}", "start.state: the text 'dfuMANIFEST' is none of the names here"),
        ("start: {state: dfuERROR}", "start.state: dfuERROR needs the key 'status'"),
        ("start: {status: errPROG}", "start.status: goes with the state dfuERROR"),
        ("start: {rdp: 3}", "start.rdp: expected a whole number from 0 to 2"),
        ("hosts: {}", "hosts: the key 'dfu-util' is missing"),
        ("", "mine.yaml:1: the file is empty"),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, message: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_scenario(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_none() -> None:
    with pytest.raises(
        ProfileError, match="no scenario is called 'nothing-like-it'; 'dfu-emulator scenarios"
    ):
        load_scenario("nothing-like-it")


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(ProfileError, match=r"mine\.yaml: cannot be read: No such file"):
        load_scenario(str(path))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.sampled_from(["UPLOAD", "stall", "5-9", "always", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["when", "do", "request", "faults", "start", "state", "nth", "times", "worn", "hosts"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["title", "faults", "start", "set", "timing", "met"]), values, max_size=4)
)
def test_any_yaml_is_a_scenario_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    import yaml

    path = tmp_path_factory.mktemp("scenario") / "any.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        told = load_scenario(str(path)).name
    except ProfileError as error:
        told = str(error)
    assert told == "any" or told.startswith(str(path))
