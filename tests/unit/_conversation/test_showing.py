"""What notebooks and terminals show: `_conversation.showing`, and `simplex_sync.notebook`.

Rests on the recorded answers `contactsList`, `groupMembers` and the chat items of messages.jsonl.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from simplex_sync import Message, notebook
from simplex_sync._conversation.chats import Records
from simplex_sync._conversation.showing import progress_bar
from tests.unit._conversation.recorded import recorded_answers, recorded_items

CLIENT = cast("Any", SimpleNamespace(user=SimpleNamespace(local_display_name="<me>")))


def contacts() -> list[Any]:
    return list(next(recorded_answers("messages", "contactsList")).contacts)


def test_a_list_of_records_is_a_table() -> None:
    shown = notebook.table(contacts())
    assert "local_display_name" in shown.columns
    assert len(shown.rows) == len(contacts())
    lines = str(shown).splitlines()
    assert len(lines) == len(contacts()) + 1
    assert "bob" in str(shown)
    assert repr(shown) == f"<Table of {len(contacts())} rows>"
    assert Records(contacts())._repr_html_() == shown._repr_html_()


def test_one_record_is_a_table_of_its_fields() -> None:
    contact = contacts()[-1]
    shown = dict(notebook.table(contact).rows)
    assert shown["local_display_name"] == repr(contact.local_display_name)
    assert f"<td>{shown['contact_id']}</td>" in contact._repr_html_()


def test_what_others_chose_is_escaped() -> None:
    contact = contacts()[-1]
    contact.local_display_name = "<script>"
    for shown in (
        notebook.table([contact])._repr_html_(),
        notebook.table(contact)._repr_html_(),
        contact._repr_html_(),
    ):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


def test_texts_of_messages_are_shown_when_asked() -> None:
    messages = [Message(CLIENT, each) for each in recorded_items("messages")]
    text = next(message.text for message in messages if message.text.startswith("quotes"))
    quiet, loud = notebook.table(messages), notebook.table(messages, texts=True)
    assert text not in str(quiet.rows) + quiet._repr_html_()
    assert text in [cell for row in loud.rows for cell in row]
    assert "sender" in quiet.columns
    one = notebook.table(messages[0])
    assert len(one.rows) == 1
    assert "text" not in one.columns


def test_long_lists_are_cut_and_say_so() -> None:
    shown = notebook.table(contacts() * 300)
    assert len(shown.rows) == 200
    left = len(contacts()) * 300 - 200
    assert f"and {left} more" in str(shown)
    assert f"and {left} more" in shown._repr_html_()
    assert notebook.table([1, "x"]).rows == [["1"], ["'x'"]]
    assert str(notebook.table([])) == ""


def test_a_link_as_a_code(tmp_path: Path) -> None:
    code = notebook.QRCode("https://example.com/a#secret")
    assert code._repr_svg_().startswith("<svg")
    assert len(str(code).splitlines()) >= 10
    assert "secret" not in repr(code)
    for suffix in ("svg", "png"):
        code.save(tmp_path / f"code.{suffix}")
        assert (tmp_path / f"code.{suffix}").stat().st_size > 100
    with pytest.raises(ValueError, match="docx"):
        code.save(tmp_path / "code.docx")


def test_bars_leave_no_thread_behind(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(total=2, desc="working") as bar:
        bar.update()
    assert "working" in capsys.readouterr().err
