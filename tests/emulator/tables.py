"""Tables written as in a document, for the tests to read."""


def rows(table: str) -> list[dict[str, str]]:
    """The lines of ``| a | b |`` below the heading, each by the names of the heading."""
    lines = [[cell.strip() for cell in line.strip(" |").split("|")] for line in table.strip().splitlines()]
    heading = lines.pop(0)
    return [dict(zip(heading, line, strict=True)) for line in lines]


def columns(table: str) -> dict[str, dict[str, str]]:
    """The rows by their first cell."""
    first = table.strip(" \n|").split("|")[0].strip()
    return {row[first]: row for row in rows(table)}
