"""What every command is given beside its arguments: the way to devices, and the way to the user."""

from dataclasses import dataclass

from dfu_host.cli.report import Report


@dataclass(frozen=True, slots=True)
class Context:
    """``backend`` is the ``usb.backend.IBackend`` to find devices with; None is PyUSB's own choice."""

    report: Report
    backend: object | None = None
