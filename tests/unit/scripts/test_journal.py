"""The journal of the migration scripts: nothing is repeated, whatever ended the run before."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from _journal import DONE, DOUBTFUL, REFUSED, Doubt, Facts, Journal, JournalError

from simplex_sync.errors import CommandError, CommandTimeout, InvalidArgument, OutcomeUnknown

SUBJECT = {"group": 1}


class Killed(BaseException):
    """Stands for the end of the process."""


class World:
    """A command with an effect that can be counted, and what the CLI would say of it."""

    def __init__(self, *, before: BaseException | None = None, after: BaseException | None = None) -> None:
        self.before = before
        self.after = after
        self.effects = 0
        self.looks: list[Facts] = []
        self.doubt = False

    def act(self) -> Facts:
        if self.before is not None:
            raise self.before
        self.effects += 1
        if self.after is not None:
            raise self.after
        return {"number": self.effects}

    def look(self, intent: Facts) -> Facts | None:
        self.looks.append(intent)
        if self.doubt:
            raise Doubt("nobody knows")
        return {"number": self.effects} if self.effects else None


def journal(folder: Path, **subject: Any) -> Journal:
    return Journal(folder / "a" / "journal", "test", subject or SUBJECT)


def do(folder: Path, world: World, known: int = 7) -> Any:
    with journal(folder) as opened:
        return opened.do("step", world.act, world.look, known=known)


def test_a_step_is_done_once(tmp_path: Path) -> None:
    world = World()
    first, second = do(tmp_path, world), do(tmp_path, world)
    assert (first.state, first.facts, first.now) == (DONE, {"number": 1}, True)
    assert (second.state, second.facts, second.now) == (DONE, {"number": 1}, False)
    assert (world.effects, world.looks) == (1, [])
    for name in ("journal", "journal.lock"):
        assert stat.S_IMODE((tmp_path / "a" / name).stat().st_mode) == 0o600


def test_the_intent_is_on_the_disk_before_the_step_begins(tmp_path: Path) -> None:
    world = World()
    path = tmp_path / "a" / "journal"

    def act() -> Facts:
        assert '"intent":{"known":7}' in path.read_text("utf-8")
        return world.act()

    with journal(tmp_path) as opened:
        assert opened.intent("step") is None
        opened.do("step", act, world.look, known=7)
        assert opened.intent("step") == {"known": 7}
    assert world.effects == 1


def test_killed_after_the_effect_it_is_found_and_not_repeated(tmp_path: Path) -> None:
    world = World(after=Killed())
    with pytest.raises(Killed):
        do(tmp_path, world, known=7)
    world.after = None
    found = do(tmp_path, world, known=8)
    assert (found.state, found.facts, found.now) == (DONE, {"number": 1}, False)
    assert (world.effects, world.looks) == (1, [{"known": 7}])  # what was known before the step, not now


def test_killed_before_the_effect_it_is_done(tmp_path: Path) -> None:
    world = World(before=Killed())
    with pytest.raises(Killed):
        do(tmp_path, world)
    world.before = None
    assert do(tmp_path, world).now
    assert (world.effects, len(world.looks)) == (1, 1)


def test_where_it_cannot_be_known_it_is_left_alone(tmp_path: Path) -> None:
    world = World(after=Killed())
    with pytest.raises(Killed):
        do(tmp_path, world)
    world.after, world.doubt = None, True
    for _ in range(2):
        result = do(tmp_path, world)
        assert (result.state, result.reason) == (DOUBTFUL, "nobody knows")
    assert world.effects == 1
    world.doubt = False
    assert do(tmp_path, world).state == DONE
    assert world.effects == 1


@pytest.mark.parametrize("error", [OutcomeUnknown("gone"), CommandTimeout("late")])
def test_without_an_answer_the_next_run_looks(tmp_path: Path, error: Exception) -> None:
    world = World(after=error)
    assert do(tmp_path, world).state == DOUBTFUL
    world.after = None
    assert do(tmp_path, world).state == DONE
    assert (world.effects, len(world.looks)) == (1, 1)


@pytest.mark.parametrize("error", [CommandError("no", error="error.contactNotReady"), InvalidArgument("no")])
def test_what_was_refused_is_tried_again_in_a_later_run(tmp_path: Path, error: Exception) -> None:
    world = World(before=error)
    refused = do(tmp_path, world)
    assert refused.state == REFUSED
    assert refused.reason in ("error.contactNotReady", "no")
    world.before = None
    assert do(tmp_path, world).now
    assert world.effects == 1


@pytest.mark.parametrize("size", [1, 10, 25])
def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path, size: int) -> None:
    world = World()
    do(tmp_path, world)
    path = tmp_path / "a" / "journal"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:size])  # the result
    assert do(tmp_path, world).state == DONE
    assert (world.effects, len(world.looks)) == (1, 1)
    path.write_bytes(whole + b'{"step":"other","int')
    do(tmp_path, world)
    assert path.read_bytes() == whole


def test_the_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    do(tmp_path, World())
    with pytest.raises(JournalError, match="another migration"), journal(tmp_path, group=2):
        pass
    path = tmp_path / "a" / "journal"
    for damage in ("no journal\n", path.read_text("utf-8") + '{"state":"done"}\n', path.read_text("utf-8") + "[]\n"):
        path.write_text(damage, "utf-8")
        with pytest.raises(JournalError, match="name another file"), journal(tmp_path):
            pass


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    with journal(tmp_path), pytest.raises(JournalError, match="in use by another run"), journal(tmp_path):
        pass
    with journal(tmp_path):
        pass
