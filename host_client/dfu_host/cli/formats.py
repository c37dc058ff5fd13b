"""Formats of files as flags."""

import argparse
from collections.abc import Callable, Iterable
from typing import TypedDict

from dfu_host.firmware import Format


class OneOf(TypedDict):
    """What ``add_argument`` is to be told."""

    type: Callable[[str], Format]
    metavar: str


def one_of(formats: Iterable[Format]) -> OneOf:
    """A flag's value that is the name of one of ``formats``.

    argparse's own ``choices`` would show an enumeration's members as Python spells them.
    """
    allowed = {str(kind): kind for kind in formats}

    def parse(text: str) -> Format:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(allowed)}")
        return allowed[text]

    return {"type": parse, "metavar": f"{{{','.join(allowed)}}}"}
