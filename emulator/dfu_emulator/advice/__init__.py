"""What a host does that the ROM punishes, or that silently corrupts: said once a kind, with the cure.

An ``Adviser`` watches a port. The rules are data, one module for each group of them. Nothing here does I/O.
"""

from dfu_emulator.advice.adviser import Advice, Adviser, Finding
from dfu_emulator.advice.rule import Rule
from dfu_emulator.advice.rules import RULES

__all__ = ["RULES", "Advice", "Adviser", "Finding", "Rule"]
