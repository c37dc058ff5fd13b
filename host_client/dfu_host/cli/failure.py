"""How a command fails, as a document for programs."""

import re

from dfu_host.cli.report import Document, extents_document
from dfu_host.errors import HostError, InterruptedJob, RefusedError, VerifyError
from dfu_host.ledger import Remains


def kind(error: type[HostError]) -> str:
    """The name of a class of errors for programs: ``NoDeviceError`` is ``no-device``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__.removesuffix("Error")).lower()


def document(error: HostError) -> Document:
    """Its kind and its message; what else there is depends on the kind."""
    described: dict[str, object] = {"kind": kind(type(error)), "message": str(error)}
    if isinstance(error, RefusedError):
        described |= {
            "request": error.request.label,
            "state": error.state.label,
            "status": error.status.label,
        }
    if isinstance(error, VerifyError):
        described |= {
            "address": error.address,
            "expected": error.expected.hex(),
            "found": error.found.hex(),
        }
    return described | _left(error.remains)


def beside(error: HostError, **result: object) -> Document:
    """A result that is a failure all the same: what was found, why it is none, and the exit code."""
    return result | {"error": document(error), "exit_code": error.exit_code}


def interruption(interrupt: KeyboardInterrupt, message: str) -> Document:
    """The same of Ctrl-C, with what people are told."""
    remains = interrupt.remains if isinstance(interrupt, InterruptedJob) else None
    return {"kind": "interrupted", "message": message} | _left(remains)


def _left(remains: Remains | None) -> dict[str, object]:
    if remains is None:
        return {}
    return {
        "remains": {
            "written": extents_document(remains.written),
            "erased": extents_document(remains.erased),
            "doubtful": extents_document([remains.doubtful] if remains.doubtful else []),
        }
    }
