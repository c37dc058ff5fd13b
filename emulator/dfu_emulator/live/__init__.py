"""The live view: what happens at ports, as a picture on the terminal.

``model`` notes, ``view`` draws what is noted as lines of text, ``screen`` shows them on a terminal.
"""

from dfu_emulator.live.look import Look
from dfu_emulator.live.model import ChipModel, Snapshot
from dfu_emulator.live.screen import LiveScreen, Messages
from dfu_emulator.live.view import Picture, draw

__all__ = ["ChipModel", "LiveScreen", "Look", "Messages", "Picture", "Snapshot", "draw"]
