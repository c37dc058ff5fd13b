"""A scenario in words for a person."""

from collections.abc import Callable, Iterator, Sequence

from dfu_emulator.profile.spelling import spell_duration
from dfu_emulator.scenario import ALWAYS, Do, Fault, Moment, Numbers, Scenario, Start, When
from dfu_emulator.scenario.model import DEFAULT_BITS, DEFAULT_DONE
from dfu_emulator.scenario.spelling import names_in, spell_number, spell_numbers
from dfu_protocol import State, Status

_JOBS = {
    "set address": "Set Address Pointer",
    "write": "a write",
    "erase": "an erase",
    "mass erase": "a mass erase",
    "read unprotect": "Read Unprotect",
}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_AT_THE_CABLE = {
    Moment.BEFORE: "the cable is out before the bootloader sees it",
    Moment.DURING: "carried out, but the cable comes out before its answer",
    Moment.AFTER: "the last that gets through before the cable comes out",
}


def conditions(scenario: Scenario) -> Iterator[str]:
    """How the chip is when it is plugged in, and what the scenario changes of it."""
    yield from _start(scenario.start)
    for key, value in scenario.set.items():
        yield f"{key} is {_spell(value)}"
    if scenario.timing is not None:
        yield f"timing is {scenario.timing.value}"
    if scenario.seed:
        yield f"seed {scenario.seed} decides what is left to chance"


def fault_in_words(fault: Fault) -> str:
    """Which requests, and what happens to them."""
    return f"{_requests(fault.meant)}: {_EFFECTS[fault.do](fault)}"


def _start(start: Start) -> Iterator[str]:
    if start.rdp:
        yield f"read protection level {start.rdp}"
    if start.boot0 is not None:
        yield f"BOOT0 is {start.boot0.value}"
    if start.write_protected:
        yield f"{_sectors(start.write_protected)} write protected"
    if start.worn is not None:
        bits = _bits(start.worn.bits)
        each = "" if len(start.worn.sectors) == 1 else " each"
        yield f"{_sectors(start.worn.sectors)} worn: {bits}{each} cannot be erased"
    if start.state is not None:
        status = "" if start.status is None else f" with {Status(start.status).label}"
        yield f"an earlier host has left it in {State(start.state).label}{status}"


def _sectors(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"sector {numbers[0]} is"
    return f"sectors {_join([str(number) for number in numbers], 'and')} are"


def _spell(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {_spell(item)}" for name, item in value.items())
        case list():
            return ", ".join(map(_spell, value))
        case bool():
            return "yes" if value else "no"
        case int():
            return spell_number(value)
    return str(value)


def _requests(when: When) -> str:
    names = ["request of DFU"] if when.request is None else names_in(when.request)
    return " ".join((_which(when), _join(names, "or"), *_where(when)))


def _which(when: When) -> str:
    first, last = when.nth, when.nth + when.times - 1
    if when.times == ALWAYS:
        which = "each" if first == 1 else f"from the {_ordinal(first)} on, each"
    elif first == last:
        which = f"the {_ordinal(first)}"
    else:
        which = f"the {_ordinal(first)} to the {_ordinal(last)}"
    return which if when.chance >= 1 else f"with a chance of {when.chance * 100:g} %, {which}"


def _where(when: When) -> Iterator[str]:
    if when.job is not None:
        yield f"of {_join([_JOBS[name] for name in names_in(when.job)], 'or')}"
    if when.block is not None:
        yield f"of {_run('block', when.block)}"
    if when.address is not None:
        yield f"at {spell_numbers(when.address, ' to ')}"
    if when.sector is not None:
        yield f"in {_run('sector', when.sector)}"
    if when.state is not None:
        yield f"in {_join(names_in(when.state), 'or')}"


def _run(what: str, numbers: Numbers) -> str:
    plural = "" if numbers[0] == numbers[1] else "s"
    return f"{what}{plural} {spell_numbers(numbers, ' to ')}"


def _ordinal(number: int) -> str:
    if number == 1:
        return "first"
    teen = number // 10 % 10 == 1
    return f"{number}{'th' if teen else _ENDINGS.get(number % 10, 'th')}"


def _join(words: Sequence[str], link: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {link} {words[-1]}"


def _error(fault: Fault) -> str:
    return f"it ends in dfuERROR with {Status(fault.status or Status.UNKNOWN).label}"


def _delay(fault: Fault) -> str:
    return f"held for {spell_duration(fault.time or 0)} before it is answered"


def _timeout(fault: Fault) -> str:
    during = fault.moment is Moment.DURING
    return "carried out, but never answered" if during else "never answered, nor seen by the bootloader"


def _corrupt(fault: Fault) -> str:
    bits = fault.bits or DEFAULT_BITS
    return f"{_bits(bits)} of the data flip{'s' if bits == 1 else ''}"


def _disconnect(fault: Fault) -> str:
    return f"{_AT_THE_CABLE[fault.moment or Moment.BEFORE]}; {_back(fault)}"


def _power_loss(fault: Fault) -> str:
    return f"the power goes when {fault.done or DEFAULT_DONE:.0%} of the job is done; {_back(fault)}"


def _back(fault: Fault) -> str:
    if fault.back_after is None:
        return "the chip stays away"
    return f"the chip is back after {spell_duration(fault.back_after)}"


def _bits(count: int) -> str:
    return f"{count} bit{'' if count == 1 else 's'}"


_EFFECTS: dict[Do, Callable[[Fault], str]] = {
    Do.STALL: lambda _fault: "stalled, and never seen by the bootloader",
    Do.ERROR: _error,
    Do.DELAY: _delay,
    Do.TIMEOUT: _timeout,
    Do.SHORT: lambda fault: f"only {fault.bytes or 0} bytes of the data arrive",
    Do.CORRUPT: _corrupt,
    Do.POLL_TIMEOUT: lambda fault: f"it tells a bwPollTimeout of {fault.bwPollTimeout or 0} ms",
    Do.BUS_RESET: lambda _fault: "the bus is reset just before it",
    Do.DISCONNECT: _disconnect,
    Do.POWER_LOSS: _power_loss,
}
