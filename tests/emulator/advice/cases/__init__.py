"""Each rule by two conversations: one that breaks it, and the right one, which brings no advice at all."""

from emulator.advice.cases.blocks import BLOCKS
from emulator.advice.cases.case import Case
from emulator.advice.cases.leaving import LEAVING
from emulator.advice.cases.memory import MEMORY
from emulator.advice.cases.requests import REQUESTS
from emulator.advice.cases.waiting import WAITING

__all__ = ["CASES", "Case"]

CASES = (*REQUESTS, *WAITING, *BLOCKS, *MEMORY, *LEAVING)
