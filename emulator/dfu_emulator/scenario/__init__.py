"""Scenarios: faults and conditions, as YAML or as objects, that a chip is put through on demand.

``docs/scenarios.md`` has every key of a file. ``emulated(..., scenario=...)`` takes the name of one of the
catalogue, the path of a file, or a Scenario.
"""

from dfu_emulator.scenario.faulty_device import FaultyDevice
from dfu_emulator.scenario.loader import load_scenario, settings_of, shipped_scenarios, without_settings
from dfu_emulator.scenario.model import (
    ALWAYS,
    Do,
    Fares,
    Fault,
    Level,
    Met,
    Moment,
    Outcome,
    Scenario,
    Start,
    When,
    Worn,
)
from dfu_emulator.scenario.scalars import Jobs, Numbers, Requests, States, Times
from dfu_emulator.scenario.start import prepare

__all__ = [
    "ALWAYS",
    "Do",
    "Fares",
    "Fault",
    "FaultyDevice",
    "Jobs",
    "Level",
    "Met",
    "Moment",
    "Numbers",
    "Outcome",
    "Requests",
    "Scenario",
    "Start",
    "States",
    "Times",
    "When",
    "Worn",
    "load_scenario",
    "prepare",
    "settings_of",
    "shipped_scenarios",
    "without_settings",
]
