"""A first profile of a chip from what was read of it: the shipped one that fits best, and what differs."""

from dfu_emulator.draft.drafting import Draft, draft_profile

__all__ = ["Draft", "draft_profile"]
