"""The page that ``profiles show`` prints."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dfu_emulator.cli.profiles.description import Line, Section, sections
from dfu_emulator.cli.profiles.memory_map import bars, bytes_a_cell
from dfu_emulator.cli.terminal import can_draw, console
from dfu_emulator.profile import Profile
from dfu_emulator.profile.errors import spell
from dfu_emulator.profile.model import EvidenceKind
from dfu_emulator.profile.spelling import plain, spell_size
from dfu_emulator.profile.values import certainty, count_kinds, values

_BESIDE_THE_MAP = 68
"""Characters of a line that its bars do not get."""
_MAP_WIDTH = range(16, 65)
_MAP_AFTER = "alternates"
_STYLES = {
    EvidenceKind.HARDWARE: "green",
    EvidenceKind.DOCUMENT: "cyan",
    EvidenceKind.INFERRED: "yellow",
    None: "red",
}
_MARKS = {EvidenceKind.HARDWARE: "●", EvidenceKind.DOCUMENT: "◐", EvidenceKind.INFERRED: "○", None: "?"}
_PLAIN_MARKS = {EvidenceKind.HARDWARE: "#", EvidenceKind.DOCUMENT: "+", EvidenceKind.INFERRED: "-", None: "?"}
_MEANINGS = {
    EvidenceKind.HARDWARE: "seen on hardware",
    EvidenceKind.DOCUMENT: "documented",
    EvidenceKind.INFERRED: "only inferred",
    None: "no evidence given",
}


def show(profile: Profile, evidence: bool) -> None:
    """Print all about ``profile``, and the sources too if ``evidence`` is set."""
    page = _Page(profile, console())
    page.show()
    if evidence:
        page.show_evidence()


class _Page:
    def __init__(self, profile: Profile, out: Console) -> None:
        self._profile = profile
        self._values = list(values(profile))
        self._out = out
        self._marks = _MARKS if can_draw(out) else _PLAIN_MARKS

    def show(self) -> None:
        profile = self._profile
        self._out.print(Text(f"{profile.name}: {profile.part}, family {profile.family}", style="bold"))
        if profile.aliases:
            self._out.print(f"also as {', '.join(profile.aliases)}")
        if profile.rom_version:
            self._out.print(f"ROM version {profile.rom_version}")
        for section in sections(profile):
            self._put(section.title, self._table(section))
            if section.title == _MAP_AFTER:
                self._show_map()
        self._show_summary()

    def show_evidence(self) -> None:
        """Each value, how it is known, and from where."""
        table = _grid("value", "", "known", "source")
        for value in self._values:
            source = value.evidence.source if value.evidence else ""
            name = Text(value.kind.value if value.kind else "", style=_STYLES[value.kind])
            table.add_row(value.path, str(plain(value.value)), name, source)
        self._put("evidence", table)

    def _show_map(self) -> None:
        memory = self._profile.memory
        width = min(max(self._out.width - _BESIDE_THE_MAP, _MAP_WIDTH[0]), _MAP_WIDTH[-1])
        scale = bytes_a_cell(memory, width)
        table = _grid("", "from", "memory", "bytes", "", "")
        for bar in bars(memory, scale, can_draw(self._out)):
            key = spell(bar.area.key) if bar.area.memory != "flash" else "memory.flash.sectors"
            table.add_row(
                self._mark(key),
                f"0x{bar.area.start:08X}",
                bar.label,
                spell_size(bar.area.size),
                Text(bar.cells, style="blue"),
                bar.note,
            )
        self._put(f"memory map, a column is {spell_size(scale)}", table)

    def _table(self, section: Section) -> Table:
        table = _grid("", *section.headings)
        for line in section.lines:
            table.add_row(*self._cells(line))
        return table

    def _cells(self, line: Line) -> Sequence[RenderableType]:
        return (Text(" ") if line.key is None else self._mark(line.key), *line.cells)

    def _mark(self, key: str) -> Text:
        kind = certainty(self._profile, key, self._values)
        return Text(self._marks[kind], style=_STYLES[kind])

    def _show_summary(self) -> None:
        kinds = count_kinds(self._values)
        table = _grid()
        for kind, meaning in _MEANINGS.items():
            if kinds[kind] or kind is not None:
                mark = Text(self._marks[kind], style=_STYLES[kind])
                table.add_row(mark, f"{kinds[kind]} of {kinds.total()} values {meaning}")
        self._put("evidence", table)

    def _put(self, title: str, contents: RenderableType) -> None:
        self._out.print()
        self._out.print(Text(title, style="bold"))
        self._out.print(Padding.indent(contents, 2))


def _grid(*headings: str) -> Table:
    return Table(
        *headings,
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        show_header=any(headings),
        header_style="dim",
    )
