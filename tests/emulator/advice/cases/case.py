"""A case of a rule."""

from collections.abc import Callable
from dataclasses import dataclass

from dfu_emulator.profile import Profile
from emulator.host import Host

VECTORS = bytes.fromhex("00 00 02 20 01 02 00 08")
Conversation = Callable[[Host], object]


def leave(host: Host) -> None:
    host.dnload(0, b"")
    host.get_status()


@dataclass(frozen=True)
class Case:
    """``says`` is the title that ``wrong`` brings; ``first`` is done before anybody watches."""

    kind: str
    says: str
    wrong: Conversation
    right: Conversation
    first: Conversation = lambda host: None
    timing: str = "fast"
    rdp: int = 0
    profile: Callable[[Profile], Profile] = lambda profile: profile

    def __str__(self) -> str:
        return f"{self.kind}: {self.says}"
