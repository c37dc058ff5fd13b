"""Write the JSON Schema of a profile file, which editors complete and check by."""

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from dfu_emulator.profile.model import Profile
from dfu_emulator.profile.scalars import Duration, HexBytes, Sectors, Size

SCHEMA = Path(__file__).resolve().parent.parent / "profiles" / "schema.json"

SCALARS: dict[type, dict[str, Any]] = {
    Size: {
        "description": "Bytes, as a number or like 16K or 1M.",
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": Size.largest},
            {"type": "string", "pattern": f"^{Size.pattern}$"},
        ],
    },
    Duration: {
        "description": "A time with its unit, like 16 us, 400 ms or 1.5 s.",
        "type": "string",
        "pattern": f"^{Duration.pattern}$",
    },
    Sectors: {
        "description": "A run of equal sectors, like 4*16K.",
        "type": "string",
        "pattern": f"^{Sectors.pattern}$",
    },
    HexBytes: {
        "description": "Bytes in hexadecimal, like FF AA.",
        "type": "string",
        "pattern": f"^{HexBytes.pattern}$",
    },
}


def profile_schema() -> dict[str, Any]:
    """The schema of one file, which has two keys that the model does not know: they are gone once it is read.

    None of it is required: a file may leave anything to those it extends.
    """
    schema = msgspec.json.schema(Profile, schema_hook=SCALARS.__getitem__)
    sections = schema["$defs"].values()
    for section in sections:
        section.pop("required", None)
        if "description" in section:  # a docstring, of which Python takes the indentation off since 3.13
            section["description"] = inspect.cleandoc(section["description"])
    top = schema["$defs"]["Profile"]
    top["properties"]["extends"] = {
        "type": "string",
        "description": "Another profile file, or the name of a shipped profile, that this one changes.",
    }
    schema["$defs"]["Flash"]["properties"]["size"] = SCALARS[Size] | {
        "description": "Another size than the sectors add up to: they and the layout string are made to fit."
    }
    top["properties"]["rom_versions"]["additionalProperties"] = {"$ref": "#/$defs/Profile"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Profile of an STM32 USB DFU bootloader",
        **schema,
    }


def main() -> int:
    """Exit status: 1 where ``--check`` finds another schema than the model gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is stale")
    parser.add_argument("file", nargs="?", type=Path, default=SCHEMA)
    arguments = parser.parse_args()
    text = json.dumps(profile_schema(), indent=2) + "\n"
    if not arguments.check:
        arguments.file.write_text(text)
    elif not arguments.file.exists() or arguments.file.read_text() != text:
        print(f"{arguments.file} is stale: run {Path(__file__).name}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
