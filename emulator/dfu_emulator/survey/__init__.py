"""What can be read of a real board without changing it, by itself or from what other tools printed."""

from dfu_emulator.survey.survey import Survey, SurveyError, choose

__all__ = ["Survey", "SurveyError", "choose"]
