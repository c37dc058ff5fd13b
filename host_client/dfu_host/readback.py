"""Whether the memory holds what it should, read back: data that was written, pages that were erased."""

from collections.abc import Callable, Sequence

from dfu_host.conversation import Conversation, ignore
from dfu_host.errors import NotErasedError, RefusedError, VerifyError
from dfu_host.extents import joined
from dfu_host.plan import clipped, erased_byte
from dfu_host.progress import Track, silent
from dfu_host.steps import Operation
from dfu_protocol.firmware_file import Element

_SHOWN_ON_MISMATCH = 16


def verify(
    conversation: Conversation, address: int, data: bytes, advance: Callable[[int], None] = ignore
) -> Operation[None]:
    """Read back ``data`` at ``address``; VerifyError where it differs, also when it is read once more."""
    for at in (yield from _doubtful(conversation, address, data, advance)):
        expected = data[at : at + conversation.transfer_size]
        found = yield from conversation.contents(address + at, len(expected))
        if found != expected:
            differs = next(i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b)
            end = differs + _SHOWN_ON_MISMATCH
            raise VerifyError(address + at + differs, expected[differs:end], found[differs:end])


def check_erased(
    conversation: Conversation, pages: Sequence[tuple[int, int]], track: Track = silent
) -> Operation[None]:
    """Read the (address, size) pages; NotErasedError names those that are not blank.

    RefusedError where they cannot be read.
    """
    if not pages:
        return
    blank = bytes([erased_byte(min(size for _, size in pages))])
    held: list[Element] = []
    with track("checking", sum(size for _, size in pages)) as advance:
        try:
            for start, end in joined((address, address + size) for address, size in pages):
                held += yield from _held(conversation, start, blank * (end - start), advance)
        except RefusedError as error:
            error.args = (f"the device says that it has erased, which cannot be checked: {error}",)
            raise
    extents = [
        (address, address + size)
        for address, size in pages
        if any(part.data.strip(blank) for part in clipped(held, address, address + size))
    ]
    if extents:
        at = held[0].address + len(held[0].data) - len(held[0].data.lstrip(blank))
        found = held[0].data.lstrip(blank)[:_SHOWN_ON_MISMATCH]
        raise NotErasedError(joined(extents), at, blank * len(found), found)


def _held(
    conversation: Conversation, address: int, blank: bytes, advance: Callable[[int], None]
) -> Operation[list[Element]]:
    """The blocks of memory that are not ``blank``."""
    held = []
    for at in (yield from _doubtful(conversation, address, blank, advance)):
        expected = blank[at : at + conversation.transfer_size]
        found = yield from conversation.contents(address + at, len(expected))
        if found != expected:
            held.append(Element(address + at, found))
    return held


def _doubtful(
    conversation: Conversation, address: int, data: bytes, advance: Callable[[int], None]
) -> Operation[list[int]]:
    """Offset of each block that does not read as in ``data``; a bad cable may be the reason."""
    doubtful: list[int] = []
    done = 0

    def compare(block: bytes) -> None:
        nonlocal done
        if block != data[done : done + len(block)]:
            doubtful.append(done)
        done += len(block)
        advance(len(block))

    yield from conversation.read(address, len(data), compare)
    return doubtful
