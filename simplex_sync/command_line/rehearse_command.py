"""`simplex-sync rehearse`: a script tried on a copy of one's own chats, and what it would have done."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click

from simplex_sync import executable
from simplex_sync.command_line.failures import Failed
from simplex_sync.command_line.options import Options, json_option, pass_options
from simplex_sync.command_line.output import visible, write_json, write_line

HELP = """Rehearse a script on a copy of your chats, with no network, and say what it did.

EXPORT is a folder that scripts/examples/export_everything.py has written. A simulated CLI is filled with it, in FOLDER:
contacts, groups, members, messages and files are there under their names and numbers; nobody is told anything. What is
sent to them counts as received, and who is invited into a group stays invited.

After -- stands the program to rehearse; it finds the copy by its environment, as SIMPLEX_SYNC_DATABASE and
SIMPLEX_CHAT_BIN. Without one, the variables are printed. A rehearsal that is there is gone on with: --again begins
anew, --report only says what was done.

Exit code: 0 if all is well, also where commands of the program were refused; 1 if the program ended with another code
than 0, or there is nothing to rehearse on.

Examples:

\b
  simplex-sync rehearse backup -- python move_group.py '#team' --name 'Team 2'
  simplex-sync rehearse backup --again -- python broadcast.py --all 'We move.'
  simplex-sync rehearse backup --report
  eval "$(simplex-sync rehearse backup)"
"""

_UNSET = ("SIMPLEX_CHAT_KEY", "SIMPLEX_SYNC_DISPLAY_NAME", "SIMPLEX_SIM_FAULTS")


@click.command(
    name="rehearse",
    help=HELP,
    short_help="Try a script on a copy of your chats.",
    context_settings={"ignore_unknown_options": False},
)
@click.argument("export", type=click.Path(file_okay=False, path_type=Path))
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the copy is.  [default: EXPORT.rehearsal]",
)
@click.option("--again", is_flag=True, help="Delete a rehearsal that is there, and begin anew.")
@click.option("--report", is_flag=True, help="Only say what was done so far.")
@json_option
@pass_options
def rehearse(
    options: Options, export: Path, command: tuple[str, ...], folder: Path | None, again: bool, report: bool
) -> None:
    """Run the command."""
    if report and (command or again):
        raise click.UsageError("--report stands alone: it begins nothing")
    place = Path(os.path.abspath(folder if folder is not None else export.with_name(export.name + ".rehearsal")))
    database = place / "chat"
    if report:
        _write(options, _simulator("--report", "-d", str(database)))
        return
    changes = {
        "SIMPLEX_SYNC_DATABASE": str(database),
        "SIMPLEX_CHAT_BIN": _version(export),
        "SIMPLEX_SIM_NETWORK": str(place / "network"),
    }
    if again and place.exists():
        _delete(place)
    if not place.exists():
        _fill(export, place, database)
    if not command:
        for name in _UNSET:
            write_line(f"unset {name}")
        for name, value in changes.items():
            write_line(f"export {name}={shlex.quote(value)}")
        return
    code = _run(command, changes)
    _write(options, _simulator("--report", "-d", str(database)))
    if code:
        raise Failed(f"the program ended with the code {code}")


def _version(export: Path) -> str:
    """Return which simulator behaves like the CLI that the export was made with."""
    try:
        version = str(json.loads((export / "manifest.json").read_text("utf-8"))["cliVersion"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed(f"{export} is no export: make one with scripts/examples/export_everything.py") from None
    return "simulator:7.0" if version.startswith("7.") else "simulator"


def _simulator(*arguments: str) -> Any:
    """Run the simulator for a moment, and return what it prints."""
    line = [*executable.find("simulator", method="rehearse"), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Failed(done.stderr.strip() or "the simulator ended without a word")
    return json.loads(done.stdout)


def _fill(export: Path, place: Path, database: Path) -> None:
    files = database.with_name(database.name + "_files")
    try:
        files.mkdir(parents=True, mode=0o700)
        place.chmod(0o700)
        counts = _simulator("-d", str(database), "--files-folder", str(files), "--fill", str(export))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    click.echo(f"Rehearsing on a copy of {told}.", err=True)


def _delete(place: Path) -> None:
    if not (place / "chat_before.db").is_file():
        raise Failed(f"{place} is no rehearsal, so it is not deleted")
    shutil.rmtree(place)


def _run(command: tuple[str, ...], changes: dict[str, str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    try:
        return subprocess.run(command, env={**environment, **changes}, check=False).returncode
    except OSError as error:
        raise Failed(f"{command[0]} cannot be started: {error.strerror}") from None


def _write(options: Options, report: dict[str, Any]) -> None:
    if options.as_json:
        write_json(report)
        return
    messages = report["messages"]
    write_line(
        f"messages sent: {messages['sent']} (received: {messages['received']}, not sent: {messages['notSent']}), "
        f"edited: {messages['edited']}, deleted: {messages['deleted']}"
    )
    for name, number in messages["to"].items():
        write_line(f"  {visible(name)}: {number}")
    write_line(f"members changed: {len(report['members'])}")
    for member in report["members"]:
        change = (
            f"from {member['was']} to {member['role']}" if "was" in member else f"{member['change']}, {member['role']}"
        )
        write_line(f"  #{visible(member['group'])} {visible(member['member'])}: {change}")
    for what in ("groups", "contacts"):
        for how, names in report[what].items():
            if names:
                write_line(f"{what} {how}: {', '.join(map(visible, names))}")
    write_line(f"files sent: {len(report['files'])}")
    for file in report["files"]:
        write_line(f"  {visible(file['to'])}: {visible(file['name'])}, {file['bytes']} bytes, {file['state']}")
    write_line(f"links made: {report['links']}")
    write_line(f"errors: {sum(error['times'] for error in report['errors'])}")
    for error in report["errors"]:
        write_line(f"  {error['command']}: {error['error']} ({error['times']} times)")
