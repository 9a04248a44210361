"""`SimplexChat.attach`: a CLI that somebody else runs."""

from __future__ import annotations

import base64
import http
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from simplex_sync import SimplexChat, errors, events


def recorded_answers() -> dict[str, dict[str, Any]]:
    """Return the first recorded answer to each command of a recording."""
    asked: dict[str, str] = {}
    answers: dict[str, dict[str, Any]] = {}
    for line in (Path(__file__).parents[1] / "recordings" / "users.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        frame = entry.get("frame", {})
        if entry.get("dir") == "send" and isinstance(frame.get("corrId"), str):
            asked[frame["corrId"]] = frame.get("cmd", "")
        elif frame.get("corrId") in asked:
            answers.setdefault(asked[frame["corrId"]], frame["resp"])
    return answers


@contextmanager
def server(*, password: str | None = None, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    answers = recorded_answers()

    def check(connection: ServerConnection, request: Request) -> Response | None:
        wanted = "Basic " + base64.b64encode(f"me:{password}".encode()).decode()
        if password is None or request.headers.get("Authorization") == wanted:
            return None
        return Response(http.HTTPStatus.UNAUTHORIZED.value, "Unauthorized", Headers())

    def talk(connection: ServerConnection) -> None:
        for message in connection:
            frame = json.loads(message)
            if frame["cmd"] == "/hang up":
                return
            connection.send(json.dumps({"corrId": frame["corrId"], "resp": answers[frame["cmd"]]}))

    running = serve(talk, "127.0.0.1", 0, compression=None, process_request=check, ssl=context)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        # The websockets that Python 3.10 gets leaves the pipe open by which its server is woken.
        for end in (getattr(running, "shutdown_watcher", None), getattr(running, "shutdown_notifier", None)):
            if isinstance(end, int):
                os.close(end)


def port_of(running: Server) -> int:
    port: int = running.socket.getsockname()[1]
    return port


def test_commands_and_facts() -> None:
    with server() as running, SimplexChat.attach(f"ws://127.0.0.1:{port_of(running)}") as chat:
        assert chat.pid is None
        assert chat.port == port_of(running)
        assert chat.cli_version.count(".") >= 1
        assert chat.show_active_user().user == chat.user
        assert chat.files_folder is None


def test_a_dropped_connection_is_opened_again() -> None:
    with server() as running, SimplexChat.attach(f"ws://127.0.0.1:{port_of(running)}", timeout=20) as chat:
        stream = chat.events(events.Reconnected, timeout=20)
        with pytest.raises(errors.OutcomeUnknown):
            chat.send_command("/hang up")
        marker = next(stream)
        assert marker.gap_possible
        assert not marker.restarted
        assert chat.show_active_user().user == chat.user


def test_a_password_in_the_url() -> None:
    with server(password="hush") as running:
        with SimplexChat.attach(f"ws://me:hush@127.0.0.1:{port_of(running)}") as chat:
            assert chat.user.user_id == 1
        with pytest.raises(errors.ConnectionLost) as caught:
            SimplexChat.attach(f"ws://me:wrong@127.0.0.1:{port_of(running)}").start()
        assert "wrong" not in str(caught.value)


def test_nobody_listens() -> None:
    with server() as running:
        port = port_of(running)
    with pytest.raises(errors.ConnectionLost, match=r"^start: "):
        SimplexChat.attach(f"ws://127.0.0.1:{port}").start()


def test_an_encrypted_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    # Made once, for localhost and for a hundred years; it protects nothing.
    certificate = Path(__file__).with_name("localhost.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with server(context=context) as running:
        with pytest.raises(errors.ConnectionLost):  # nobody vouches for the certificate
            SimplexChat.attach(f"wss://localhost:{port_of(running)}").start()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with SimplexChat.attach(f"wss://localhost:{port_of(running)}") as chat:
            assert [chat.list_users().users[0].user.user_id for _ in range(5)] == [1] * 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:5225", "", "ws://", 5225, None])
def test_a_url_that_cannot_be_right(url: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="attach: url"):
        SimplexChat.attach(url)
