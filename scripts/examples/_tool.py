"""What the scripts beside this file share: their options, the client, progress, the closing summary, exit codes.

Exit codes: 0 everything is done; 1 something was refused, is doubtful, or could not be started; 2 the command line
makes no sense; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from _journal import DONE, JournalError, Result
from tqdm import tqdm

from simplex_sync import SimplexChat, errors, types

#: What nobody could see in a terminal, or what would steer it.
_UNSEEN = str.maketrans(dict.fromkeys((*range(32), *range(127, 160), *range(0x202A, 0x202F))))


class Refused(Exception):
    """The script cannot go on; the message says why and what to do."""


def arguments(description: str, *, migration: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts have.

    Args:
        description: The docstring of the script.
        migration: Whether it has `--journal` and `--dry-run` as well.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    variable = "SIMPLEX_SYNC_DATABASE"
    parser.add_argument(
        "--database",
        type=Path,
        metavar="PREFIX",
        default=os.environ.get(variable),
        required=variable not in os.environ,
        help=f"the prefix of the database files: notes for notes_chat.db (or {variable})",
    )
    parser.add_argument("--display-name", metavar="NAME", help="which profile of the database to use")
    parser.add_argument(
        "--executable", metavar="PROGRAM", help="the simplex-chat program, or simulator (or SIMPLEX_CHAT_BIN)"
    )
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="how long one command or one wait may take (60)"
    )
    if migration:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--journal", type=Path, metavar="FILE", help="where to note what is done and what is not")
    return parser


def client(options: argparse.Namespace) -> SimplexChat:
    """Return a client that is not started yet.

    Args:
        options: What the parser of `arguments` gave.
    """
    return SimplexChat(
        options.database, display_name=options.display_name, executable=options.executable, timeout=options.timeout
    )


def journal_path(options: argparse.Namespace, tool: str, *subject: object) -> Path:
    """Return where the journal is: beside the database, one for each migration, unless `--journal` says otherwise.

    Args:
        options: What the parser gave.
        tool: The name of the script.
        subject: What tells this migration from others.
    """
    if options.journal is not None:
        return Path(options.journal)
    name = "-".join([tool, digest(*subject)[:12]])
    database = Path(options.database).expanduser()
    return database.with_name(f"{database.name}_{name}.journal")


def digest(*parts: object) -> str:
    """Return a number by which the same things are known again, and nothing is told about them.

    Args:
        parts: The things.
    """
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()


def seen(name: str) -> str:
    """Return a name that somebody else chose, fit for a terminal.

    Args:
        name: The name.
    """
    return name.translate(_UNSEEN)


def newest_item(chat: SimplexChat) -> int:
    """Return the number of the newest chat item, whatever chat it is in; 0 where there is none.

    Args:
        chat: A started client.
    """
    items = chat.api_get_chat_items(types.ChatPaginationLast(count=1)).chat_items
    return items[-1].chat_item.meta.item_id if items else 0


class Progress:
    """Lines about what is done: with a bar in a terminal, one line a step elsewhere.

    Args:
        total: How many steps there are.
        what: What they are, for the bar.
    """

    def __init__(self, total: int, what: str) -> None:
        self._bar = tqdm(total=total, desc=what, unit="", disable=None, file=sys.stderr)
        self.counts: dict[str, int] = {}

    def step(self, what: str, result: Result | None = None) -> None:
        """Say what became of a step.

        Args:
            what: The step, for people.
            result: What became of it; None for a step that needs no word.
        """
        if result is not None:
            outcome = result.state if result.state != DONE or result.now else "done before"
            self.counts[outcome] = self.counts.get(outcome, 0) + 1
            reason = f" ({result.reason})" if result.reason else ""
            self._bar.clear()
            print(f"{what}: {outcome}{reason}", flush=True)
        self._bar.update()

    @property
    def complete(self) -> bool:
        """Whether every step is done, now or earlier."""
        return set(self.counts) <= {DONE, "done before"}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()


def summary(facts: dict[str, object]) -> None:
    """Print what was done, at the end.

    Args:
        facts: Numbers and lists, by what they are; what is empty is left out.
    """
    print("--")
    for name, value in facts.items():
        if isinstance(value, list):
            if value:
                print(f"{name}: {len(value)}")
                print("\n".join(f"  {line}" for line in value))
        elif value is not None:
            print(f"{name}: {value}")
    sys.stdout.flush()


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def run(main: Callable[[], bool]) -> NoReturn:
    """Run a script and end its process with the exit code.

    Args:
        main: Does the work; returns whether everything is done.

    Raises:
        SystemExit: Always.
    """
    signal.signal(signal.SIGTERM, _end)  # so that the CLI is closed in order
    try:
        sys.exit(0 if main() else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except (errors.SimplexError, JournalError, Refused, OSError) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, errors.InvalidArgument) else 1)


def names_in(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a file of names: without what is around them, empty ones and comments.

    Args:
        lines: The lines; those that begin with `#` and a space are comments.
    """
    for line in lines:
        name = line.strip()
        if name and not name.startswith("# "):
            yield name
