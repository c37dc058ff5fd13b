"""What no single value of a scenario shows: keys that do not go together."""

from collections.abc import Iterator

from dfu_emulator.profile.errors import Key
from dfu_emulator.scenario.model import Do, Fault, Moment, Scenario, Start, When
from dfu_emulator.scenario.scalars import REQUEST_NAMES, Requests
from dfu_protocol import Request, State
from dfu_protocol.control import CLASS

_NEEDS = {
    Do.ERROR: "status",
    Do.DELAY: "time",
    Do.SHORT: "bytes",
    Do.POLL_TIMEOUT: "bwPollTimeout",
}
_MAY_HAVE = {
    Do.TIMEOUT: ("moment",),
    Do.CORRUPT: ("bits",),
    Do.DISCONNECT: ("moment", "back_after"),
    Do.POWER_LOSS: ("done", "back_after"),
}
_COMMON = ("do", "when")
_OF_GETSTATUS = (Do.POLL_TIMEOUT, Do.POWER_LOSS)
_TO_HOST = Requests.read([name for name in REQUEST_NAMES if name.startswith("GET") or name == "UPLOAD"]).items
_NEEDS_DATA = {
    Do.SHORT: (_TO_HOST, "is for requests that bring data to the host"),
    Do.CORRUPT: (_TO_HOST | Requests.of(Request.DNLOAD).items, "is for requests with data"),
}
_DATA_REQUESTS = Requests.of(Request.DNLOAD, Request.UPLOAD)
_GETSTATUS = Requests.of(Request.GETSTATUS)


def contradictions(scenario: Scenario) -> Iterator[tuple[Key, str]]:
    """Each contradiction: the key to change, and why."""
    yield from _start(scenario.start)
    for index, fault in enumerate(scenario.faults):
        key = ("faults", index)
        for below, message in (*_fault(fault), *_when(fault.when)):
            yield (*key, *below), message


def _start(start: Start) -> Iterator[tuple[Key, str]]:
    failed = start.state is not None and State(start.state) is State.ERROR
    if start.status is not None and not failed:
        yield ("start", "status"), "goes with the state dfuERROR"
    if failed and start.status is None:
        yield ("start", "state"), "dfuERROR needs the key 'status'"


def _fault(fault: Fault) -> Iterator[tuple[Key, str]]:
    do = fault.do
    needed = _NEEDS.get(do)
    allowed = (*_COMMON, needed, *_MAY_HAVE.get(do, ()))
    for name in fault.__struct_fields__:
        if name not in allowed and getattr(fault, name) is not None:
            yield (name,), f"does not go with 'do: {do.value}'"
    if needed is not None and getattr(fault, needed) is None:
        yield (), f"'do: {do.value}' needs the key {needed!r}"
    if do is Do.TIMEOUT and fault.moment is Moment.AFTER:
        yield ("moment",), "an answer that has arrived is not lost; expected before or during"
    request, state = fault.when.request, fault.when.state
    if do is Do.POWER_LOSS and state is not None and State.DNLOAD_SYNC not in state:
        yield ("when", "state"), "'do: power_loss' is for the GETSTATUS that begins a job, in dfuDNLOAD-SYNC"
    if do in _OF_GETSTATUS and (request is None or request.items != _GETSTATUS.items):
        yield ("when",), f"'do: {do.value}' is for the request GETSTATUS"
    if do in _NEEDS_DATA and request is not None:
        have_data, message = _NEEDS_DATA[do]
        if not request.items & have_data:
            yield ("when", "request"), f"'do: {do.value}' {message}"


def _when(when: When) -> Iterator[tuple[Key, str]]:
    kinds = when.request.items if when.request is not None else ()
    if when.block is not None and (not kinds or not kinds <= _DATA_REQUESTS.items):
        yield ("when", "block"), "only DNLOAD and UPLOAD have blocks: name one as the request"
    if when.job is not None and kinds != _GETSTATUS.items:
        yield ("when", "job"), "it is GETSTATUS that starts a job and tells of it: name it as the request"
    if when.state is not None and any(kind != CLASS for kind, _request in kinds):
        yield ("when", "state"), "is for the requests of DFU"
