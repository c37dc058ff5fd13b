"""Read protection (RDP) and write protection (WRP): what they forbid."""

from enum import Enum

from dfu_emulator.memory import OptionArea, OptionBytes, Region
from dfu_emulator.profile.model import ProtectionRules, Rdp1, WriteProtection


class Operation(Enum):
    """What read protection rules; each value is a key of ``protection`` in the profile."""

    READ = "read"
    WRITE = "write"
    ERASE = "erase"
    SET_ADDRESS = "set_address"


class Protection:
    """Reads its levels from the option bytes, its rules from the profile."""

    def __init__(self, rules: ProtectionRules, option_bytes: OptionBytes) -> None:
        self._option_bytes = option_bytes
        self._rdp1: dict[Operation, Rdp1] = {
            operation: getattr(rules, operation.value) for operation in Operation
        }
        self._option_bytes_readable = rules.option_bytes_readable
        self.reports_write_protection = rules.wrp is WriteProtection.ERROR

    def rule(self, operation: Operation) -> Rdp1:
        """What becomes of ``operation`` at the present level."""
        return self._rdp1[operation] if self._option_bytes.rdp_level else Rdp1.ALLOW

    def lets_read(self, region: Region | None) -> bool:
        """Whether a memory can be read at the present level."""
        if self._option_bytes_readable and isinstance(region, OptionArea):
            return True
        return self.rule(Operation.READ) is Rdp1.ALLOW

    def is_write_protected(self, sector: int) -> bool:
        """True where a sector of the flash is locked."""
        return self._option_bytes.is_write_protected(sector)
