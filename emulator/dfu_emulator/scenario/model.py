"""What a scenario holds: what its file may say, key by key."""

from enum import Enum
from typing import Annotated, Any

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from dfu_emulator.profile.scalars import Duration
from dfu_emulator.scenario.scalars import (
    Jobs,
    Numbers,
    Probability,
    Requests,
    StateName,
    States,
    StatusName,
    Times,
)
from dfu_protocol import State

ALWAYS = Times(Times.always)
DEFAULT_BITS = 1
"""That flip, where a fault does not say how many."""
DEFAULT_DONE = 0.5
"""How much of a job is done, where a fault does not say."""

Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of a scenario's file."""


class Do(Enum):
    """What happens to a request."""

    STALL = "stall"
    """It is stalled; the bootloader never sees it."""
    ERROR = "error"
    """The bootloader is in dfuERROR, with ``status``."""
    DELAY = "delay"
    """It is NAKed for ``time`` more before it is answered."""
    TIMEOUT = "timeout"
    """It is never answered."""
    SHORT = "short"
    """Its IN data stage ends after ``bytes``."""
    CORRUPT = "corrupt"
    """So many ``bits`` of its data stage flip."""
    POLL_TIMEOUT = "poll_timeout"
    """Its answer lies about ``bwPollTimeout``."""
    BUS_RESET = "bus_reset"
    """The bus is reset just before it, as by another program on the host."""
    DISCONNECT = "disconnect"
    """The cable is out for ``back_after``, or for good; the chip goes on."""
    POWER_LOSS = "power_loss"
    """The job that it starts is ``done`` by half, then power is gone."""


class Moment(Enum):
    """When a request is lost or the cable is out, as the bootloader sees it."""

    BEFORE = "before"
    """It never sees the request."""
    DURING = "during"
    """It has carried the request out, and its answer is lost."""
    AFTER = "after"
    """The host has the answer."""


class When(_Section, frozen=True):
    """Which requests are meant: all that is given must hold."""

    request: Requests | None = None
    """None is every request of DFU."""
    state: States | None = None
    """Before the request."""
    block: Numbers | None = None
    """wBlockNum of DNLOAD and UPLOAD."""
    job: Jobs | None = None
    """What the GETSTATUS begins or asks about."""
    address: Numbers | None = None
    """Of a data block, or of a GETSTATUS's job."""
    sector: Numbers | None = None
    """The same by sector of the flash, from 0."""
    nth: Count = 1
    """The first of these requests that is hit, counted from 1."""
    times: Times = Times(1)
    """How many from there on."""
    chance: Probability = Probability(1)
    """Of each of them, by the scenario's seed."""


class Fault(_Section, frozen=True):
    """What happens to requests. The keys behind ``do`` are those that its value needs."""

    do: Do
    when: When = When()
    status: StatusName | None = None
    time: Duration | None = None
    bytes: Annotated[int, Meta(ge=0, le=65535)] | None = None
    bits: Count | None = None
    bwPollTimeout: Annotated[int, Meta(ge=0, le=0xFFFFFF)] | None = None
    """Milliseconds."""
    moment: Moment | None = None
    back_after: Duration | None = None
    done: Probability | None = None

    @property
    def meant(self) -> When:
        """``when``, with what goes without saying: power is lost at the GETSTATUS that begins a job."""
        if self.do is Do.POWER_LOSS:
            return replace(self.when, state=States([State.DNLOAD_SYNC]))
        return self.when


class Level(Enum):
    """Of a pin."""

    HIGH = "high"
    LOW = "low"


class Worn(_Section, frozen=True):
    """Sectors of which some bits cannot be erased any more: they stay as if programmed."""

    sectors: Annotated[tuple[int, ...], Meta(min_length=1)]
    bits: Count = 1
    """Of each sector; the seed says which."""


class Start(_Section, frozen=True):
    """How the chip is when it is plugged in."""

    rdp: Annotated[int, Meta(ge=0, le=2)] = 0
    boot0: Level | None = None
    write_protected: tuple[int, ...] = ()
    """Sectors of the flash."""
    worn: Worn | None = None
    state: StateName | None = None
    """Left behind by an earlier host."""
    status: StatusName | None = None


class Met(_Section, frozen=True):
    """Somebody who met this, in public."""

    who: str
    link: str


class Outcome(Enum):
    """How a host fares."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    """And says so."""
    CORRUPTS = "corrupts"
    """It says that all is well, and it is not."""
    HANGS = "hangs"


class Fares(_Section, frozen=True):
    """How a host fares, and why."""

    ends: Outcome
    why: str
    says: str = ""
    """Words that it prints."""


class Hosts(_Section, frozen=True, rename={"dfu_util": "dfu-util", "dfu_host": "dfu-host"}):
    """How hosts fare: what the catalogue says of each, tests hold true."""

    dfu_util: Fares
    dfu_host: Fares
    naive: Fares
    try_: str = field(name="try", default="write")
    chip: str = "stm32f405"


class TimingName(Enum):
    """See ``dfu_emulator.timing``."""

    FAST = "fast"
    REAL = "real"


class Scenario(_Section, frozen=True):
    """Faults and conditions, and what they are good for."""

    name: str = ""
    """Its file's."""
    title: str = ""
    shows: str = ""
    met: tuple[Met, ...] = ()
    seed: int = 0
    timing: TimingName | None = None
    """What it needs, where it does; the user's word counts more."""
    set: dict[str, Any] = field(default_factory=dict)
    """Changes of the profile, by key."""
    start: Start = Start()
    faults: tuple[Fault, ...] = ()
    hosts: Hosts | None = None
