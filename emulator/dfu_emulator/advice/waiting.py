"""The two GETSTATUS after a DNLOAD, and the time that goes by between them."""

from dfu_emulator.advice.history import (
    Closed,
    Ending,
    History,
    command_of,
    is_block,
    request_of,
    status_in,
)
from dfu_emulator.advice.rule import Facts, Rule
from dfu_emulator.port import Detached, Transfer
from dfu_emulator.profile.spelling import spell_duration
from dfu_protocol import Erase, MassErase, Request, SetAddress, State

_GIVES_UP = (Request.DNLOAD, Request.UPLOAD, Request.ABORT, Request.CLRSTATUS)
_WAITING = (State.DNLOAD_SYNC, State.MANIFEST_SYNC)


def _name(job: Transfer | None) -> str:
    if job is None:
        return "a DNLOAD"
    match command_of(job):
        case SetAddress():
            return "Set Address Pointer"
        case Erase(address):
            return f"the erase at 0x{address:08X}"
        case MassErase():
            return "the mass erase"
        case None if is_block(job):
            return f"the write of block {job.setup.wValue}"
    return "a command"


def _waiting(history: History, state: State) -> str:
    return "the leave" if state is State.MANIFEST_SYNC else _name(history.job)


def _end(ending: Ending) -> str:
    return "the host was done" if isinstance(ending, Closed) else "the bus was reset"


def _status_is_due(transfer: Transfer, history: History) -> Facts | None:
    request = request_of(transfer)
    if transfer.before not in _WAITING or request not in _GIVES_UP:
        return None
    if not history.unasked:
        return None  # it cleans up after an earlier host, or what it cannot know to have arrived
    return {"job": _waiting(history, transfer.before), "instead": f"{request.name} came instead"}


def _status_never_came(ending: Ending, history: History) -> Facts | None:
    state = history.state
    if state not in _WAITING or not history.unasked or isinstance(ending, Detached):
        return None
    return {"job": _waiting(history, state), "instead": _end(ending)}


def _gives_up_job(transfer: Transfer, history: History) -> Request | None:
    """The request that comes in dfuDNBUSY in place of the GETSTATUS that tells the outcome."""
    request = request_of(transfer)
    if transfer.before is State.DNBUSY and request in _GIVES_UP and not history.unanswered:
        return request
    return None


def _outcome_is_due(transfer: Transfer, history: History) -> Facts | None:
    request = _gives_up_job(transfer, history)
    if request is None or (_has_asked(history) and _erases(history) is not None):
        return None
    if request is Request.CLRSTATUS and (history.job is None or _has_asked(history)):
        return None  # it cleans up after an earlier host, or a chip that stays busy
    return {"job": _name(history.job), "instead": f"{request.name} came in dfuDNBUSY"}


def _outcome_never_asked(ending: Ending, history: History) -> Facts | None:
    if history.state is not State.DNBUSY or history.unanswered or isinstance(ending, Detached):
        return None
    if _erases(history) is not None:
        return None
    return {"job": _name(history.job), "instead": _end(ending)}


def _has_asked(history: History) -> bool:
    return history.asked_again or history.gave_up


def _erases(history: History) -> Erase | MassErase | None:
    command = command_of(history.job) if history.job is not None else None
    return command if isinstance(command, Erase | MassErase) else None


def _longest(history: History) -> str:
    """How long the erase that is under way can take."""
    times = next(iter(history.profile.timing.flash.values()))
    command = _erases(history)
    if isinstance(command, Erase) and history.job is not None:
        flash = history.chip.flash
        sizes = [flash.sector_size(sector) for sector in history.sectors_of(history.job)]
        return spell_duration(max((times.erase_by_size[size].max for size in sizes), default=0))
    return spell_duration(times.mass_erase.max)


def _erase_left(history: History) -> Facts:
    return {"job": _name(history.job), "longest": _longest(history)}


def _answer_not_awaited(transfer: Transfer, history: History) -> Facts | None:
    if _gives_up_job(transfer, history) is None or not _has_asked(history):
        return None
    if _erases(history) is None or _stays_busy(history):
        return None
    return _erase_left(history)


def _erase_not_awaited(ending: Ending, history: History) -> Facts | None:
    if history.state is not State.DNBUSY or isinstance(ending, Detached) or history.unanswered:
        return None
    if _erases(history) is None or _stays_busy(history):
        return None
    return _erase_left(history)


def _stays_busy(history: History) -> bool:
    """Whether the erase is of those that the chip never tells the end of."""
    erase, wedge_from = _erases(history), history.profile.bootloader.wedge_from
    return isinstance(erase, Erase) and wedge_from is not None and erase.address >= wedge_from


def _early_poll(transfer: Transfer, history: History) -> Facts | None:
    told = history.told_busy
    if told is None or request_of(transfer) is not Request.GETSTATUS or transfer.before is not State.DNBUSY:
        return None
    status = status_in(told)
    timeout = status.bwPollTimeout if status is not None else 0
    early = told.at + told.reply.hold + timeout * 1000 - transfer.sent
    if early <= 0:
        return None
    return {"early": spell_duration(early), "timeout": timeout}


WAITING = (
    Rule(
        name="missing-getstatus",
        title="The GETSTATUS that does {job} was missing: {instead}",
        why="A DNLOAD is only taken; the first GETSTATUS after it starts the work, so nothing has been done",
        source="AN3156 on DFU_DNLOAD; DFU 1.1, appendix A (dfuDNLOAD-SYNC)",
        cure="Send GETSTATUS after each DNLOAD, the empty one that leaves included",
        in_transfer=_status_is_due,
        at_end=_status_never_came,
    ),
    Rule(
        name="unasked-outcome",
        title="How {job} ended was never asked: {instead}",
        why=(
            "The first GETSTATUS after a DNLOAD starts the work and tells dfuDNBUSY, only a later one tells "
            "whether it worked; until then the chip stalls other requests"
        ),
        source="AN3156 on DFU_DNLOAD; DFU 1.1, appendix A (dfuDNBUSY)",
        cure="Wait for bwPollTimeout and send GETSTATUS again, until bState is not dfuDNBUSY",
        in_transfer=_outcome_is_due,
        at_end=_outcome_never_asked,
    ),
    Rule(
        name="early-poll",
        title="GETSTATUS came {early} before the {timeout} ms of bwPollTimeout were up",
        why="bwPollTimeout is the least time until the next GETSTATUS, and some chips stall an earlier one",
        source="DFU 1.1, section 6.1.2; reports on STM32F072 and STM32L4",
        cure="Sleep for bwPollTimeout milliseconds after each GETSTATUS that tells dfuDNBUSY",
        in_transfer=_early_poll,
        quirks=("stalls while busy",),
    ),
    Rule(
        name="impatient-erase",
        title="The host gave up {job} while the chip was at it",
        why="It can take {longest} on this chip, and bwPollTimeout may say far less than that",
        source="the chip's data sheet, flash memory characteristics; AN3156 on the erase command",
        cure="Let each request after an erase take more than {longest} before it times out, and ask again",
        in_transfer=_answer_not_awaited,
        at_end=_erase_not_awaited,
        quirks=("holds GETSTATUS", "holds what follows", "erase lie", "mass erase lie", "voltage range"),
    ),
)
"""Rules about when to ask for the status."""
