"""`simplex-sync install`: fetch the official simplex-chat for this machine, check it, put it in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from simplex_sync import executable
from simplex_sync._internal.release import DOWNLOADS
from simplex_sync.command_line.options import SECONDS, Options, json_option, pass_options
from simplex_sync.command_line.output import person_watches, write_json, write_line

HELP = """Fetch the official simplex-chat program for this machine, check it and install it for you.

It goes into your data folder, where all commands find it; each version has a folder of its own. The program is checked
by the SHA-256 that its release gives. Releases give none for macOS: pass --sha256, or say --allow-unchecked. What was
fetched when this is broken off is kept and continued the next time.

Prints the path of the program.

Examples:

\b
  simplex-sync install
  simplex-sync install --version 6.4.5
  simplex-sync install --from-file ./simplex-chat-ubuntu-24_04-x86_64 --sha256 0123...
"""


@click.command(name="install", help=HELP, short_help="Fetch and install the simplex-chat program.")
@click.option(
    "--version",
    metavar="VERSION",
    help=f"The release.  [default: {executable.DEFAULT_VERSION}, or what the program of --from-file says]",
)
@click.option(
    "--from-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Install this file, for machines without network; its checksum is looked for in _sha256sums beside it.",
)
@click.option(
    "--base-url",
    default=DOWNLOADS,
    metavar="URL",
    help="Where releases are, for mirrors: the program is URL/vVERSION/NAME.  [default: the project's releases]",
)
@click.option("--sha256", metavar="DIGITS", help="The checksum that the program must have.")
@click.option("--allow-unchecked", is_flag=True, help="Install also where there is no checksum to check by.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where to install to; only the default one, in your data folder, is looked into by other commands.",
)
@click.option(
    "--timeout", type=SECONDS, default=900.0, show_default=True, metavar="SECONDS", help="How long it may take."
)
@json_option
@pass_options
def install(
    options: Options,
    version: str | None,
    from_file: Path | None,
    base_url: str,
    sha256: str | None,
    allow_unchecked: bool,
    folder: Path | None,
    timeout: float,
) -> None:
    """Run the command."""
    with _progress() as progress:
        program = executable.install(
            version,
            folder=folder,
            from_file=from_file,
            base_url=base_url,
            sha256=sha256,
            allow_unchecked=allow_unchecked,
            progress=progress,
            timeout=timeout,
        )
    if options.as_json:
        write_json({"path": str(program), "version": program.parent.name})
    else:
        write_line(str(program))


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int | None], object] | None]:
    """Show a bar on stderr while the block runs, if that is a terminal."""
    if not person_watches():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("simplex-chat"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda received, total: bar.update(task, completed=received, total=total)
