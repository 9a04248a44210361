"""`simplex-sync doctor`: what is missing, and what to do about it."""

from __future__ import annotations

import sys

import click

from simplex_sync.command_line import checks
from simplex_sync.command_line.failures import REFUSED
from simplex_sync.command_line.options import Options, json_option, pass_options
from simplex_sync.command_line.output import visible, write_json, write_line

HELP = """Say whether everything is there that is needed, and what to do about what is not.

Looks for the simplex-chat program and its version, the locale and the terminal, the folders and their free space, the
database and who uses it, and starts the CLI on it. Works without any of them, and changes nothing, with one exception:
a CLI that is newer than the database brings that up to date when it starts; --no-start leaves that out.

Exit code: 0 if there is no problem (warnings may be), 1 if there is.

Examples:

\b
  simplex-sync doctor
  simplex-sync --database notes doctor --no-start
"""

_MARKS = {checks.OK: ("ok", "green"), checks.WARNING: ("warning", "yellow"), checks.PROBLEM: ("problem", "red")}


@click.command(name="doctor", help=HELP, short_help="Say what is missing and what to do about it.")
@click.option("--no-start", is_flag=True, help="Do not start the CLI on the database.")
@json_option
@pass_options
def doctor(options: Options, no_start: bool) -> None:
    """Run the command."""
    problems = 0
    for finding in checks.findings(options, start=not no_start):
        problems += finding.state == checks.PROBLEM
        if options.as_json:
            write_json(finding)
            continue
        mark, colour = _MARKS.get(finding.state, (finding.state, None))
        styled = click.style(f"{mark:8}", fg=colour)
        write_line(f"{styled} {finding.check}: {visible(finding.found)}")
        if finding.advice:
            write_line(f"{'':8} → {visible(finding.advice)}")
    if problems:
        sys.stdout.flush()
        raise click.exceptions.Exit(REFUSED)
