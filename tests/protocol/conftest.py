"""Hypothesis without its deadline: how fast a machine is, is no property of the code."""

from hypothesis import settings

settings.register_profile("project", deadline=None)
settings.load_profile("project")
