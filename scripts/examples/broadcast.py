#!/usr/bin/env python3
"""Send a text to many contacts, at a rate, with a result for each.

Who gets it: --to NAME (several times), --to-file FILE (a name a line), or --all. A contact's chat is looked at after a
run that was ended in the middle, so nobody gets the text twice, however often the script is run with the same text. Its
journal is kept beside the database; it knows the text by a check sum only.

  broadcast.py --database notes --to @alice --to @bob 'The meeting is at six.'
  broadcast.py --database notes --all --rate 2 --results results.jsonl - <text.txt
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
from pathlib import Path

from _journal import DONE, Facts, Journal, Result
from _tool import Progress, Refused, arguments, client, digest, journal_path, names_in, newest_item, run, seen, summary

from simplex_sync import SentMessage, SimplexChat, errors, types


def recipients(chat: SimplexChat, options: argparse.Namespace) -> list[types.Contact]:
    """Return who gets the text, each once."""
    everybody = chat.contacts()
    chosen = list(everybody) if options.all else []
    names = [name.removeprefix("@") for name in options.to]
    if options.to_file is not None:
        with options.to_file.open(encoding="utf-8") as lines:
            names += [name.removeprefix("@") for name in names_in(lines)]
    by_name = {contact.local_display_name: contact for contact in everybody}
    unknown = sorted({name for name in names if name not in by_name})
    if unknown:
        raise Refused(f"no contacts of these names, so nothing was sent: {', '.join(map(seen, unknown))}")
    chosen += [by_name[name] for name in names]
    return list({contact.contact_id: contact for contact in chosen}.values())


class Broadcast:
    """The messages, each in the journal."""

    def __init__(self, chat: SimplexChat, journal: Journal, text: str, rate: float) -> None:
        self.chat = chat
        self.journal = journal
        self.text = text
        self.pause = 0.0 if math.isinf(rate) else 1.0 / rate
        self.next = time.monotonic()
        self.newest = newest_item(chat)
        self.sent: dict[int, SentMessage] = {}

    def send(self, contact: types.Contact) -> Result:
        """Send the text to a contact, once."""

        def act() -> Facts:
            self._keep_the_rate()
            message = self.chat.send(contact, self.text)
            self.sent[contact.contact_id] = message
            return {"item": message.id}

        def look(intent: Facts) -> Facts | None:
            for message in self.chat.history(contact, after=intent["after"], newest_first=True):
                if message.is_own and message.text == self.text:
                    return {"item": message.id}
            return None

        return self.journal.do(f"send:{contact.contact_id}", act, look, after=self.newest)

    def _keep_the_rate(self) -> None:
        # Waiting on an event that nobody sets: Ctrl-C ends it at once.
        threading.Event().wait(max(0.0, self.next - time.monotonic()))
        self.next = max(self.next, time.monotonic()) + self.pause

    def outcome(self, contact: types.Contact, deadline: float, *, receipts: bool) -> str:
        """Return what became of the message to a contact, after waiting for it until a time."""
        result = self.journal.result(f"send:{contact.contact_id}")
        if result is None or result.state != DONE:
            return "not sent" if result is None else result.state
        message = self.sent.get(contact.contact_id) or self._stored(contact, int(result.facts["item"]))
        if message is None:
            return "deleted since"
        try:
            left = max(0.01, deadline - time.monotonic())
            if receipts:
                message.wait_delivered(left)
                return "delivered"
            message.wait_sent(left)
        except errors.EventTimeout:
            return "waiting"
        except errors.DeliveryError as error:
            return f"failed: {error.reason}"
        return "sent"

    def _stored(self, contact: types.Contact, item: int) -> SentMessage | None:
        for message in self.chat.history(contact, after=item - 1, before=item + 1):
            return SentMessage(self.chat, message.record)
        return None


def broadcast(chat: SimplexChat, options: argparse.Namespace, text: str) -> bool:
    """Send; return whether everybody has got it."""
    chosen = recipients(chat, options)
    if options.dry_run:
        for contact in chosen:
            print(f"would send to {seen(contact.local_display_name)}")
        summary({"recipients": len(chosen), "characters": len(text)})
        return True
    subject = {"user": chat.user.user_id, "text": digest(text)}
    path = journal_path(options, "broadcast", *subject.values())
    with Journal(path, "broadcast", subject) as journal:
        sending = Broadcast(chat, journal, text, options.rate)
        with Progress(len(chosen), "broadcast") as progress:
            for contact in chosen:
                progress.step(seen(contact.local_display_name), sending.send(contact))
        deadline = time.monotonic() + options.timeout
        outcomes = [(each, sending.outcome(each, deadline, receipts=options.delivered)) for each in chosen]
    if options.results is not None:
        _write_results(options.results, outcomes)
    counts: dict[str, object] = {}
    for _, outcome in outcomes:
        counts[outcome] = int(str(counts.get(outcome, 0))) + 1
    bad = [f"{seen(each.local_display_name)}: {outcome}" for each, outcome in outcomes if not _is_good(outcome)]
    summary({"recipients": len(chosen), **counts, "without the text": bad, "journal": path})
    return not bad


def _is_good(outcome: str) -> bool:
    return outcome in ("sent", "delivered", "deleted since")


def _write_results(path: Path, outcomes: list[tuple[types.Contact, str]]) -> None:
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        for contact, outcome in outcomes:
            line = {"contactId": contact.contact_id, "name": contact.local_display_name, "outcome": outcome}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    part.replace(path)


def _rate(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("the rate must be greater than 0")
    return value


def main() -> bool:
    """Run the script; return whether everything is done."""
    parser = arguments(__doc__ or "")
    parser.add_argument("text", metavar="TEXT", help="the text, or - to read it from the standard input")
    parser.add_argument("--to", action="append", default=[], metavar="NAME", help="a contact; several times for more")
    parser.add_argument("--to-file", type=Path, metavar="FILE", help="a file with a name a line")
    parser.add_argument("--all", action="store_true", help="all contacts")
    parser.add_argument(
        "--rate", type=_rate, default=5.0, metavar="NUMBER", help="messages a second at most, or inf (5)"
    )
    parser.add_argument("--delivered", action="store_true", help="wait for the receipts, not only until it is sent")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the results there, a JSON line for each")
    options = parser.parse_args()
    if not (options.to or options.to_file or options.all):
        parser.error("say who gets the text: --to, --to-file or --all")
    text = sys.stdin.read() if options.text == "-" else options.text
    if not text.strip():
        parser.error("the text is empty")
    with client(options) as chat:
        return broadcast(chat, options, text)


if __name__ == "__main__":
    run(main)
