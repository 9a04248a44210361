#!/usr/bin/env python3
"""Write simplex_sync/api/{types,commands,responses,events,methods}.py from the schema beside them.

With `--check` nothing is written: the exit status is 1, and the files that differ are named, unless every generated
module is exactly what the schema and the generator give.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.generator.commands import CommandsWriter
from scripts.generator.methods import MethodsWriter
from scripts.generator.records import RecordsWriter
from scripts.generator.schema import Schema
from scripts.generator.stale import stale

API = Path(__file__).resolve().parent.parent / "simplex_sync" / "api"


def modules() -> dict[Path, str]:
    """Return the texts of the generated modules by their paths."""
    schema = Schema()
    unused = list(stale(schema))
    if unused:
        raise SystemExit("these lines of the hand-kept schema files say nothing any more:\n  " + "\n  ".join(unused))
    records = RecordsWriter(schema)
    return {
        API / "types.py": records.types_module(),
        API / "responses.py": records.messages_module("responses"),
        API / "events.py": records.messages_module("events"),
        API / "commands.py": CommandsWriter(schema).module(),
        API / "methods.py": MethodsWriter(schema).module(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the modules, or compare them; return the exit status."""
    parser = argparse.ArgumentParser(description="Generate simplex_sync.api from its schema.")
    parser.add_argument("--check", action="store_true", help="only say which files differ; exit with 1 if any does")
    options = parser.parse_args(arguments)
    differing = [
        (path, text)
        for path, text in modules().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in differing:
        name = path.relative_to(API.parent.parent)
        if options.check:
            print(f"{name} differs from what scripts/generate_types.py gives; run it and commit the result")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
