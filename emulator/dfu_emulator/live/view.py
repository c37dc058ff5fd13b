"""The picture of one chip or several: lines of text for a terminal of any size. Nothing here does I/O."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from rich.text import Text

from dfu_emulator.advice import Advice
from dfu_emulator.live.look import COLOURS, Look
from dfu_emulator.live.memories import flash_bar, flash_lines, flash_scale, legend, other_lines
from dfu_emulator.live.model import Kind, Line, Snapshot
from dfu_emulator.port import Occurrence, Transfer
from dfu_emulator.profile.spelling import spell_size
from dfu_emulator.trace.describe import Part, Parts, describe_departure, parts
from dfu_emulator.trace.text import STYLES
from dfu_protocol import State, Status

_STATE_STYLES = {
    State.DFU_IDLE: "bold green",
    State.DNBUSY: "bold yellow",
    State.ERROR: "bold red",
}
_STOP = "Ctrl-C stops"
_BAR = 16
"""Cells of the map of one chip of several."""
_COMFORTABLE_WIDTH, _COMFORTABLE_HEIGHT = 80, 30
"""Of a terminal with room for margins."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is to be seen."""

    chips: Sequence[Snapshot]
    reach: Sequence[str] = ()
    """What tells a user how to get at the chips."""
    messages: Sequence[str] = ()
    """What was said beside, the oldest first."""


def draw(picture: Picture, width: int, height: int, look: Look) -> list[Text]:
    """At most ``height`` lines, none wider than ``width`` columns. Several chips: the last used in full."""
    if not picture.chips:
        return []
    margin = " " if width >= _COMFORTABLE_WIDTH else ""
    inner = width - 2 * len(margin)
    lines = _lines(picture, inner, height, look)[:height]
    return [look.fit(Text(margin).append_text(look.fit(line, inner)), width) for line in lines]


def _lines(picture: Picture, width: int, height: int, look: Look) -> list[Text]:
    air = [Text()] if height >= _COMFORTABLE_HEIGHT else []
    chip = max(picture.chips, key=lambda chip: chip.last_used)
    top = [*_table(picture.chips, chip, look, height // 3), Text()] if len(picture.chips) > 1 else []
    top += [*_head(chip, look, width), *air]
    top += [*_memories(chip, look, width, height - len(top)), *air]
    waits = not any(chip.transfers for chip in picture.chips)
    bottom = _bottom(picture, look, width, height, waits)
    room = height - len(top) - len(bottom) - len(air)
    advice = _advice(chip.advice, look, width, room // 2)
    advice += air if advice else []
    room -= len(advice)
    middle = _reach(picture.reach, look, width, room) if waits else _log(chip, look, width, room)
    gap = [Text() for _ in range(room - len(middle))]
    return [*top, *middle, *gap, *air, *advice, *bottom]


def _head(chip: Snapshot, look: Look, width: int) -> list[Text]:
    title = Text().append(look.printable(chip.part), "bold")
    title.append(look.printable(f"  {chip.serial}"), "dim")
    if level := chip.chip.option_bytes.rdp_level:
        title.append(f"  read protection level {level}", "magenta")
    pointer = Text().append("Address_Pointer ", "dim").append(f"0x{chip.pointer:08X}")
    return [
        _spread(title, _presence(chip, look), look, width),
        _spread(_state(chip), pointer, look, width),
        _spread(_traffic(chip), Text(f"{chip.transfers} transfers", "dim"), look, width),
    ]


def _presence(chip: Snapshot, look: Look) -> Text:
    name = f"{chip.name} " if chip.name else ""
    if chip.on_bus:
        return Text(f"{look.here} {name}on the bus", "green")
    why = f": {describe_departure(chip.departure)}" if chip.departure else ""
    return Text(f"{look.gone} {name}off the bus{why}", "magenta")


def _state(chip: Snapshot) -> Text:
    text = Text().append(f"{chip.state.label:<16}", _state_style(chip))
    if chip.status is Status.OK:
        text.append("OK", "dim")
    else:
        text.append(f"{chip.status.label}: {chip.status.meaning}", "red")
    if chip.busy_for:
        text.append(f"  busy, {chip.busy_for / 1_000_000:.1f} s to go", "yellow")
    return text


def _state_style(chip: Snapshot) -> str:
    return _STATE_STYLES.get(chip.state, "bold cyan") if chip.on_bus else "dim"


def _traffic(chip: Snapshot) -> Text:
    text = Text()
    for kind, word in ((Kind.WRITE, "written"), (Kind.READ, "read"), (Kind.ERASE, "erased")):
        total, rate = chip.traffic[kind]
        text.append(f"{word} ", "dim").append(_amount(total))
        if rate and kind is not Kind.ERASE:
            text.append(f" {_amount(rate)}/s", COLOURS[kind])
        text.append("   ")
    return text


def _amount(count: int) -> str:
    """So many bytes, in two digits or more."""
    unit, size = "B", float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or unit == "MiB":
            break
        size /= 1024
    return f"{size:.1f} {unit}" if size < 10 and unit != "B" else f"{size:.0f} {unit}"


def _memories(chip: Snapshot, look: Look, width: int, room: int) -> list[Text]:
    rows = max(1, (room - 5) // 2)
    flash = flash_lines(chip, look, width, rows)
    size, scale = spell_size(len(chip.flash.blank)), flash_scale(chip, width, rows)
    heading = _rule(f"flash {size}, {scale} each", look, width, legend(look))
    return [heading, *flash, *other_lines(chip, look, width, room - len(flash) - 10)]


def _log(chip: Snapshot, look: Look, width: int, room: int) -> list[Text]:
    """The last occurrences, the oldest first, their states one below the other."""
    shown = [(line, _parts(line.occurrence)) for line in chip.lines[-max(1, room - 1) :]]
    column = max(
        (len(words) for _, found in shown for part, words in found if part is Part.DETAIL), default=0
    )
    lines = [_rule("last transfers", look, width)]
    for line, found in shown:
        aligned = _log_line(chip, line, found, look, column)
        fits = aligned.cell_len <= width
        lines.append(aligned if fits else _log_line(chip, line, found, look, 0))
    return lines[: max(0, room)]


def _log_line(chip: Snapshot, line: Line, found: Parts, look: Look, column: int) -> Text:
    """``column`` is where what comes behind the details begins, if they are not longer."""
    text = Text().append(f"{(line.occurrence.at - chip.start) / 1_000_000:7.3f} ", "dim")
    for part, words in found:
        padded = f"{words:<{column}}  " if part is Part.DETAIL else words
        text.append(look.printable(padded), STYLES[part])
    if line.times > 1:
        text.append(f"  (x {line.times})")
    return text


def _parts(occurrence: Occurrence) -> Parts:
    """As in a trace, but without the state before, which is in the line above, and without padding."""
    found = []
    for part, words in parts(occurrence):
        if part is Part.DETAIL:
            words = words.rstrip()
        elif part is Part.STATES:
            words = words.rpartition(" -> ")[2]
        elif words.startswith("STALL ") and isinstance(occurrence, Transfer):
            words = f"STALL: {occurrence.reply.reason}"
        found.append((part, words))
    return found


def _reach(reach: Sequence[str], look: Look, width: int, room: int) -> list[Text]:
    heading = _rule("waiting for a host", look, width)
    return [heading, *(Text(look.printable(line)) for line in reach)][: max(0, room)]


def _advice(given: Sequence[Advice], look: Look, width: int, room: int) -> list[Text]:
    """The newest that there is room for."""
    lines: list[Text] = []
    shown = 0
    for advice in reversed(given):
        more = _wrapped(f"{look.warning} {advice.title}.", look, width, "yellow")
        more += _wrapped(f"  {advice.cure}.", look, width, "")
        if shown and len(lines) + len(more) > room - 1:
            break
        lines = more + lines
        shown += 1
    if not shown or room < 2:
        return []
    of_them = f", the last {shown} of {len(given)} kinds" if shown < len(given) else ""
    return [_rule(f"advice{of_them}", look, width), *lines][:room]


def _bottom(picture: Picture, look: Look, width: int, height: int, waits: bool) -> list[Text]:
    """What was said last; how to reach the chips: all of it or its beginning, nothing where it ``waits``."""
    limit = 3 if waits else 1
    said = [_wrapped(text, look, width, "magenta")[:limit] for text in picture.messages[-2:]]
    room = 0 if waits else height // 8
    reach = picture.reach if len(picture.reach) <= room else picture.reach[: min(1, room)]
    lines = [Text(look.printable(line)) for line in reach]
    return [*chain.from_iterable(said), _rule("", look, width, _STOP), *lines]


def _wrapped(text: str, look: Look, width: int, style: str) -> list[Text]:
    """Lines of at most ``width`` columns, all but the first indented."""
    indent = "  " if width > 8 else ""
    lines = textwrap.wrap(look.printable(text), max(1, width), subsequent_indent=indent)
    return [Text(line, style) for line in lines]


def _table(chips: Sequence[Snapshot], chosen: Snapshot, look: Look, rows: int) -> list[Text]:
    """A line for each chip, as many as there is room for."""
    shown = chips if len(chips) <= rows else chips[: max(0, rows - 1)]
    lines = []
    for chip in shown:
        line = Text().append(look.here if chip is chosen else " ", "green")
        line.append(f" {chip.name:<5}").append(f"{look.printable(chip.part):<14}", "bold")
        line.append(f"{look.printable(chip.serial):<14}", "dim")
        bar = flash_bar(chip, look, _BAR)
        bar.pad_right(_BAR + 2 - bar.cell_len)
        line.append_text(bar)
        line.append(f"{chip.state.label if chip.on_bus else 'off the bus':<16}", _state_style(chip))
        if chip.advice:
            line.append(f"{look.warning}{len(chip.advice)}", "yellow")
        lines.append(line)
    if len(shown) < len(chips) and rows > 0:
        lines.append(Text(f"  and {len(chips) - len(shown)} more", "dim"))
    return lines


def _rule(title: str, look: Look, width: int, right: Text | str = "") -> Text:
    """A line across, with words at both ends."""
    text = Text().append(f"{look.rule * 2} {title} " if title else "", "dim")
    right = Text().append(right, "dim") if isinstance(right, str) else right
    behind = right.cell_len + 1 if right else 0
    text.append(look.rule * max(0, width - text.cell_len - behind), "dim")
    return text.append(" ").append_text(right) if right else text


def _spread(left: Text, right: Text, look: Look, width: int) -> Text:
    """``left`` and ``right`` at the ends of a line; where that is too narrow, ``left`` alone."""
    room = width - right.cell_len - 2
    if room < width // 3:
        return left
    look.fit(left, room)
    return Text().append_text(left).append(" " * (room - left.cell_len + 2)).append_text(right)
