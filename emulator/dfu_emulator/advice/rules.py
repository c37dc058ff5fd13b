"""All the rules."""

from dfu_emulator.advice.blocks import BLOCKS
from dfu_emulator.advice.leaving import LEAVING
from dfu_emulator.advice.memory import MEMORY
from dfu_emulator.advice.requests import REQUESTS
from dfu_emulator.advice.rule import Rule
from dfu_emulator.advice.waiting import WAITING

RULES: tuple[Rule, ...] = (*REQUESTS, *WAITING, *BLOCKS, *MEMORY, *LEAVING)
"""In the order in which a host meets them."""
