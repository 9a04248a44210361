"""The CLI's API, generated from the schema in `schema/` by `scripts/generate_types.py`.

The modules are imported when they are first used: hundreds of classes that a program may never touch would otherwise
be most of what `import simplex_sync` costs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simplex_sync.api import commands, events, methods, responses, types

__all__ = ["commands", "events", "methods", "responses", "types"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
