"""Installing the CLI from a server that goes wrong in all the ways that servers do, and from a file."""

from __future__ import annotations

import email.message
import errno
import hashlib
import http.server
import io
import logging
import os
import platform
import signal
import ssl
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import pytest
import tenacity

from simplex_sync import executable
from simplex_sync._internal.download import _SafeRedirects
from simplex_sync.errors import InstallError, InvalidArgument, Timeout
from tests.unit import release_server as faults
from tests.unit.release_server import Handler, ReleaseServer

ASSET = "simplex-chat-ubuntu-22_04-x86_64"
PATH = f"/releases/v6.4.5/{ASSET}"
SUMS = "/releases/v6.4.5/_sha256sums"
PROGRAM = os.urandom(300_000)
OTHER_PROGRAM = os.urandom(300_000)
THREE_TIMES = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none())
ONCE = tenacity.Retrying(stop=tenacity.stop_after_attempt(1))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sums_of(content: bytes) -> bytes:
    return f"{'0' * 64}  simplex-chat-other\n{sha256(content)}  {ASSET}\n".encode()


@pytest.fixture(scope="module")
def running_server() -> Iterator[ReleaseServer]:
    releases = ReleaseServer()
    handler = type("BoundHandler", (Handler,), {"releases": releases})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        releases.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield releases
        releases.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def server(running_server: ReleaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleaseServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    running_server.reset()
    running_server.files = {PATH: PROGRAM, SUMS: sums_of(PROGRAM)}
    yield running_server
    running_server.reset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cli"


def install(server: ReleaseServer, folder: Path, version: str | None = "6.4.5", **options: Any) -> Path:
    options.setdefault("retry", THREE_TIMES)
    return executable.install(version, folder=folder, base_url=server.url, **options)


def leftovers(folder: Path) -> set[str]:
    """Return the names of all files that are not part of an installed version."""
    kept = {"simplex-chat", "simplex-chat.sha256", ".lock"}
    return {path.name for path in folder.rglob("*") if path.is_file()} - kept


# The way it should go.


def test_a_release_is_fetched_checked_and_put_in_place(server: ReleaseServer, folder: Path) -> None:
    path = install(server, folder)
    assert path == folder / "6.4.5" / "simplex-chat"
    assert path.read_bytes() == PROGRAM
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert leftovers(folder) == set()
    assert executable.installed(folder) == {"6.4.5": path}
    assert (path.parent / "simplex-chat.sha256").read_text() == f"{sha256(PROGRAM)}  simplex-chat\n"


def test_what_is_installed_is_found(server: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SIMPLEX_CHAT_BIN", raising=False)
    for version in ("6.4.10", "6.4.9"):
        server.files[f"/releases/v{version}/{ASSET}"] = PROGRAM
        server.files[f"/releases/v{version}/_sha256sums"] = sums_of(PROGRAM)
        executable.install(version, base_url=server.url)
    assert list(executable.installed()) == ["6.4.9", "6.4.10"]
    assert executable.find() == [str(executable.installed()["6.4.10"])]


def test_no_version_is_the_default_one(server: ReleaseServer, folder: Path) -> None:
    default = executable.DEFAULT_VERSION
    server.files = {f"/releases/v{default}/{ASSET}": PROGRAM, f"/releases/v{default}/_sha256sums": sums_of(PROGRAM)}
    assert install(server, folder, None).parent.name == default


def test_a_v_before_the_version_is_understood(server: ReleaseServer, folder: Path) -> None:
    assert install(server, folder, "v6.4.5").parent.name == "6.4.5"


def test_an_installed_version_is_not_fetched_again(server: ReleaseServer, folder: Path) -> None:
    path = install(server, folder)
    server.requests.clear()
    assert install(server, folder) == path
    assert install(server, folder, sha256=sha256(PROGRAM).upper()) == path
    assert server.requests == []


def test_a_damaged_program_is_fetched_again(server: ReleaseServer, folder: Path) -> None:
    path = install(server, folder)
    path.write_bytes(PROGRAM[:-1])
    assert install(server, folder).read_bytes() == PROGRAM


def test_progress_is_told(server: ReleaseServer, folder: Path) -> None:
    told: list[tuple[int, int | None]] = []
    install(server, folder, progress=lambda received, total: told.append((received, total)))
    assert told == sorted(told)
    assert {total for _, total in told} == {len(PROGRAM)}
    assert told[-1] == (len(PROGRAM), len(PROGRAM))


def test_progress_is_written_to_stderr(server: ReleaseServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(server, folder, progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.endswith("install: 0 of 0 MB (100%)\n")


def test_progress_of_unknown_length_is_written(
    server: ReleaseServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults[PATH] = [faults.without_length]
    install(server, folder, progress=True)
    assert "install: 0 MB" in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("stop"), BrokenPipeError("stop")])
def test_an_error_of_the_progress_function_comes_through(server: ReleaseServer, folder: Path, error: Exception) -> None:
    def progress(received: int, total: int | None) -> None:
        raise error

    with pytest.raises(type(error), match="stop"):
        install(server, folder, progress=progress)
    assert executable.installed(folder) == {}
    assert install(server, folder).read_bytes() == PROGRAM


def test_redirects_are_followed(server: ReleaseServer, folder: Path) -> None:
    server.files["/elsewhere"] = PROGRAM
    server.faults[PATH] = [faults.redirect("/elsewhere")]
    assert install(server, folder).read_bytes() == PROGRAM


# Broken off and continued.


@pytest.mark.parametrize("fault", [faults.cut_off, faults.reset], ids=["closed", "reset"])
def test_what_broke_off_is_continued(server: ReleaseServer, folder: Path, fault: Any) -> None:
    server.faults[PATH] = [fault(100_000), fault(100_000)]
    assert install(server, folder).read_bytes() == PROGRAM
    first, second, third = server.asked_for(ASSET)
    assert first.range == ""
    # A reset may take away what was not read yet.
    starts = [int(request.range.removeprefix("bytes=").removesuffix("-")) for request in (second, third)]
    assert 0 < starts[0] <= 100_000
    assert starts[0] < starts[1] <= 200_000
    assert second.if_range == third.if_range != ""


def test_the_next_call_continues(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.cut_off(50_000)] * 3
    with pytest.raises(InstallError, match=r"install: http.*closed after 150000 of 300000 bytes") as caught:
        install(server, folder)
    assert "from_file=" in str(caught.value)
    assert executable.installed(folder) == {}
    assert install(server, folder).read_bytes() == PROGRAM
    assert server.asked_for(ASSET)[-1].range == "bytes=150000-"


def test_what_was_whole_but_not_put_in_place_is_not_fetched_again(
    server: ReleaseServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            install(server, folder)
    assert executable.installed(folder) == {}
    assert install(server, folder).read_bytes() == PROGRAM
    assert len(server.asked_for(ASSET)) == 1


def test_a_killed_installation_is_continued(server: ReleaseServer, folder: Path) -> None:
    begun = threading.Event()
    hold = faults.silent(100_000)

    def fault(handler: Handler, content: bytes) -> None:
        begun.set()
        hold(handler, content)

    server.faults[PATH] = [fault]
    code = (
        "import sys, platform\n"
        "platform.system, platform.machine = lambda: 'Linux', lambda: 'x86_64'\n"
        "platform.libc_ver = lambda: ('glibc', '2.36')\n"
        "from simplex_sync import executable\n"
        "executable.install('6.4.5', folder=sys.argv[1], base_url=sys.argv[2])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder), server.url]) as child:
        assert begun.wait(60)
        child.kill()
    assert child.returncode == -signal.SIGKILL
    assert executable.installed(folder) == {}
    assert install(server, folder).read_bytes() == PROGRAM
    assert leftovers(folder) == set()


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.cut_off(100_000)]
    with pytest.raises(InstallError):
        install(server, folder, retry=ONCE)
    server.files = {PATH: OTHER_PROGRAM, SUMS: sums_of(OTHER_PROGRAM)}
    assert install(server, folder, retry=ONCE).read_bytes() == OTHER_PROGRAM


def test_a_mixture_of_two_files_is_found_and_fetched_anew(server: ReleaseServer, folder: Path) -> None:
    server.sends_validators = False
    server.faults[PATH] = [faults.cut_off(100_000)]
    with pytest.raises(InstallError):
        install(server, folder, retry=ONCE)
    server.files = {PATH: OTHER_PROGRAM, SUMS: sums_of(OTHER_PROGRAM)}
    assert install(server, folder, retry=ONCE).read_bytes() == OTHER_PROGRAM
    assert [request.range for request in server.asked_for(ASSET)] == ["", "bytes=100000-", ""]


def test_without_checksum_and_validator_nothing_is_continued(server: ReleaseServer, folder: Path) -> None:
    del server.files[SUMS]
    server.sends_validators = False
    # The first fault answers the question whether there is such a file.
    server.faults[PATH] = [faults.cut_off(0), faults.cut_off(100_000)]
    assert install(server, folder, allow_unchecked=True).read_bytes() == PROGRAM
    assert "bytes=100000-" not in [request.range for request in server.asked_for(ASSET)]


def test_a_kill_before_the_first_byte_mixes_no_files(
    server: ReleaseServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del server.files[SUMS]
    # The first of them answers the question whether there is such a file.
    server.faults[PATH] = [faults.cut_off(0), faults.cut_off(100_000)]
    with pytest.raises(InstallError):
        install(server, folder, allow_unchecked=True, retry=ONCE)
    server.files = {PATH: OTHER_PROGRAM}
    open_path = Path.open

    def killed(self: Path, mode: str = "r", **options: Any) -> Any:
        if mode == "wb":
            raise KeyboardInterrupt
        return open_path(self, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", killed)
        with pytest.raises(KeyboardInterrupt):
            install(server, folder, allow_unchecked=True, retry=ONCE)
    assert install(server, folder, allow_unchecked=True, retry=ONCE).read_bytes() == OTHER_PROGRAM


def test_a_part_from_elsewhere_is_not_continued(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.cut_off(100_000)]
    with pytest.raises(InstallError):
        install(server, folder, retry=ONCE)
    server.files |= {path.replace("/releases", "/mirror"): content for path, content in server.files.items()}
    address = server.url.replace("/releases", "/mirror/")
    path = executable.install("6.4.5", folder=folder, base_url=address)
    assert path.read_bytes() == PROGRAM
    assert server.asked_for(ASSET)[-1].range == ""


@pytest.mark.parametrize("state", ["no json", "[]"])
def test_a_part_whose_origin_is_unknown_is_not_continued(server: ReleaseServer, folder: Path, state: str) -> None:
    part = folder / "6.4.5" / f".{ASSET}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 10)
    part.with_name(part.name + ".json").write_text(state)
    assert install(server, folder).read_bytes() == PROGRAM
    assert server.asked_for(ASSET)[0].range == ""


@pytest.mark.parametrize("fault", [faults.without_ranges, faults.wrong_range, faults.too_much, faults.status(416)])
def test_a_server_that_cannot_continue_is_borne(server: ReleaseServer, folder: Path, fault: Any) -> None:
    server.faults[PATH] = [faults.cut_off(100_000), fault]
    assert install(server, folder).read_bytes() == PROGRAM


# What may pass and what does not.


@pytest.mark.parametrize(
    "fault",
    [
        *(faults.status(code) for code in (408, 429, 500, 503)),
        faults.reset(0),
        faults.broken_chunks,
        faults.no_http,
        faults.no_answer,
    ],
    ids=["408", "429", "500", "503", "reset", "chunks", "no HTTP", "no answer"],
)
@pytest.mark.parametrize("path", [PATH, SUMS])
def test_what_may_pass_is_tried_again(server: ReleaseServer, folder: Path, path: str, fault: Any) -> None:
    server.faults[path] = [fault, fault]
    assert install(server, folder).read_bytes() == PROGRAM


def test_a_list_of_checksums_that_breaks_off_is_fetched_again(server: ReleaseServer, folder: Path) -> None:
    server.faults[SUMS] = [faults.cut_off(len(server.files[SUMS]) - 10)]
    assert install(server, folder).read_bytes() == PROGRAM


def test_it_is_not_tried_for_ever(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.status(500)] * 10
    with pytest.raises(InstallError, match="status 500"):
        install(server, folder)
    assert len(server.asked_for(ASSET)) == 3


def test_a_refusal_is_not_tried_again(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.status(403)]
    with pytest.raises(InstallError, match=rf"install: the server refused .*{ASSET} with status 403"):
        install(server, folder)
    assert len(server.asked_for(ASSET)) == 1


def test_nobody_listens(folder: Path, server: ReleaseServer) -> None:
    with pytest.raises(InstallError, match="could not be fetched: Connection refused"):
        executable.install("6.4.5", folder=folder, base_url="http://127.0.0.1:1/x", retry=THREE_TIMES)


@pytest.mark.parametrize("after", [0, 1000])
def test_a_silent_server_is_given_up(server: ReleaseServer, folder: Path, after: int) -> None:
    server.faults[PATH] = [faults.silent(after)]
    with pytest.raises(InstallError, match="silent for too long"):
        install(server, folder, retry=ONCE, stall_timeout=0.2)


def test_the_whole_time_is_bounded_if_the_server_is_silent(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.silent(1000)] * 100
    with pytest.raises(Timeout, match=r"install: .* was not fetched within 0.3 seconds") as caught:
        install(server, folder, timeout=0.3, retry=tenacity.Retrying(wait=tenacity.wait_none()))
    assert caught.value.seconds == 0.3
    assert isinstance(caught.value, TimeoutError)


def test_the_last_attempt_can_take_the_rest_of_the_time(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.silent(1000)]
    with pytest.raises(Timeout):
        install(server, folder, timeout=0.3, retry=ONCE)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(faults.no_answer, "the connection was closed"), (faults.no_http, r"the server broke the protocol \(\w+\)")],
)
def test_the_reason_is_said(server: ReleaseServer, folder: Path, fault: Any, reason: str) -> None:
    server.faults[PATH] = [fault]
    with pytest.raises(InstallError, match=rf"could not be fetched: {reason}\. ") as caught:
        install(server, folder, retry=ONCE)
    assert "no such protocol" not in str(caught.value)


def test_the_whole_time_is_bounded_if_the_server_trickles(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.trickle]
    with pytest.raises(Timeout):
        install(server, folder, timeout=0.3)


def test_waiting_between_attempts_ends_with_the_time(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.status(500)] * 100
    with pytest.raises(Timeout):
        install(server, folder, timeout=0.3, retry=tenacity.Retrying(wait=tenacity.wait_fixed(1000)))
    assert len(server.asked_for(ASSET)) == 1


def test_a_certificate_that_cannot_be_verified_is_not_tried_again(
    server: ReleaseServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    def refuse(self: object, url: str, timeout: float) -> None:
        attempts.append(url)
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "certificate has expired"
        raise urllib.error.URLError(error)

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    with pytest.raises(InstallError, match="cannot be verified: certificate has expired"):
        install(server, folder)
    assert len(attempts) == 1


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x"])
def test_redirects_to_anything_but_http_are_refused(server: ReleaseServer, folder: Path, target: str) -> None:
    server.faults[PATH] = [faults.redirect(target)]
    # The standard library refuses some of them before we do.
    with pytest.raises(InstallError, match=r"not safe|status 302"):
        install(server, folder)
    assert leftovers(folder) == set()


def test_redirects_from_https_to_http_are_refused() -> None:
    handler = _SafeRedirects("install")
    request = urllib.request.Request("https://example.org/a")
    headers = http.client.HTTPMessage(email.message.Message().policy)
    answer = io.BytesIO()
    with pytest.raises(InstallError, match=r"example.org"):
        handler.redirect_request(request, answer, 302, "Found", headers, "http://example.org/a")
    assert answer.closed
    safe = handler.redirect_request(request, io.BytesIO(), 302, "Found", headers, "https://example.net/b")
    assert safe is not None
    assert safe.full_url == "https://example.net/b"


# Checked, or not installed.


def test_a_wrong_checksum_is_not_installed(server: ReleaseServer, folder: Path) -> None:
    server.files[PATH] = OTHER_PROGRAM
    with pytest.raises(InstallError, match=sha256(OTHER_PROGRAM)) as caught:
        install(server, folder, allow_unchecked=True)
    assert sha256(PROGRAM) in str(caught.value)
    assert (caught.value.version, caught.value.asset) == ("6.4.5", ASSET)
    assert len(server.asked_for(ASSET)) == 1
    assert executable.installed(folder) == {}
    assert leftovers(folder) == set()


def test_the_callers_checksum_goes_before_the_releases(server: ReleaseServer, folder: Path) -> None:
    server.files[PATH] = OTHER_PROGRAM
    assert install(server, folder, sha256=sha256(OTHER_PROGRAM)).read_bytes() == OTHER_PROGRAM
    assert server.asked_for("_sha256sums") == []


def test_the_callers_checksum_must_fit(server: ReleaseServer, folder: Path) -> None:
    install(server, folder)
    with pytest.raises(InstallError, match="not installed"):
        install(server, folder, sha256="0" * 64)
    assert (folder / "6.4.5" / "simplex-chat").read_bytes() == PROGRAM


@pytest.mark.parametrize("sums", [None, b"", f"{'0' * 64}  another\n".encode()], ids=["none", "empty", "others"])
def test_without_checksum_nothing_is_installed(server: ReleaseServer, folder: Path, sums: bytes | None) -> None:
    del server.files[SUMS]
    if sums is not None:
        server.files[SUMS] = sums
    with pytest.raises(InstallError, match=f"no checksum of {ASSET}.*sha256=.*allow_unchecked"):
        install(server, folder)
    assert executable.installed(folder) == {}


def test_without_checksum_it_is_installed_if_allowed_and_that_is_said(
    server: ReleaseServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    del server.files[SUMS]
    with caplog.at_level(logging.WARNING, logger="simplex_sync"):
        path = install(server, folder, allow_unchecked=True)
    assert path.read_bytes() == PROGRAM
    assert "without being checked" in caplog.text
    assert sha256(PROGRAM) in caplog.text
    # It does not count as checked afterwards.
    with pytest.raises(InstallError, match="no checksum"):
        install(server, folder)
    server.files[SUMS] = sums_of(PROGRAM)
    caplog.clear()
    install(server, folder)
    assert caplog.text == ""


def test_what_was_installed_unchecked_after_a_checked_one_is_not_taken_for_it(
    server: ReleaseServer, folder: Path
) -> None:
    path = install(server, folder)
    path.unlink()
    server.files = {PATH: OTHER_PROGRAM}
    assert install(server, folder, allow_unchecked=True).read_bytes() == OTHER_PROGRAM
    assert not (path.parent / "simplex-chat.sha256").exists()


def test_without_checksum_and_length_nobody_knows_whether_it_is_whole(server: ReleaseServer, folder: Path) -> None:
    del server.files[SUMS]
    server.faults[PATH] = [faults.without_length]
    with pytest.raises(InstallError, match="no checksum"):
        install(server, folder)
    server.faults[PATH] = [faults.without_length, faults.without_length]
    with pytest.raises(InstallError, match="does not say how long"):
        install(server, folder, allow_unchecked=True)


def test_with_checksum_the_length_may_be_unknown(server: ReleaseServer, folder: Path) -> None:
    server.faults[PATH] = [faults.without_length]
    assert install(server, folder).read_bytes() == PROGRAM


def test_a_list_of_checksums_without_end_is_not_read(server: ReleaseServer, folder: Path) -> None:
    server.files[SUMS] = b"x" * (1 << 21)
    with pytest.raises(InstallError, match="longer than"):
        install(server, folder)


# What does not exist.


@pytest.mark.parametrize("allow_unchecked", [False, True])
def test_a_version_that_does_not_exist_is_named(server: ReleaseServer, folder: Path, allow_unchecked: bool) -> None:
    with pytest.raises(InstallError, match=f"install: version 9.9.9 has no {ASSET}") as caught:
        install(server, folder, "9.9.9", allow_unchecked=allow_unchecked)
    assert "github.com/simplex-chat" in str(caught.value)
    assert caught.value.version == "9.9.9"


def test_an_asset_that_does_not_exist_is_named(server: ReleaseServer, folder: Path) -> None:
    del server.files[PATH]
    with pytest.raises(InstallError, match=f"version 6.4.5 has no {ASSET}"):
        install(server, folder)


def test_a_server_that_knows_no_ranges_is_asked_what_exists(server: ReleaseServer, folder: Path) -> None:
    del server.files[SUMS]
    server.faults[PATH] = [faults.status(416)]
    with pytest.raises(InstallError, match="no checksum"):
        install(server, folder)


# The file system.


def test_no_space_is_said(server: ReleaseServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InstallError, match=r"install: cannot write to .*No space left on device") as caught:
        install(server, folder)
    assert isinstance(caught.value.__cause__, OSError)
    assert executable.installed(folder) == {}


def test_a_folder_that_cannot_be_made_is_named(server: ReleaseServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InstallError, match=rf"cannot write to {tmp_path}/file/cli: Not a directory.*folder="):
        install(server, tmp_path / "file" / "cli")
    assert server.requests == []


def test_two_installations_at_once_fetch_once(server: ReleaseServer, folder: Path) -> None:
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(install(server, folder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(paths) == {folder / "6.4.5" / "simplex-chat"}
    assert len(paths) == 4
    assert len(server.asked_for(ASSET)) == 1


def test_another_installation_is_not_waited_for_without_end(server: ReleaseServer, folder: Path) -> None:
    folder.mkdir()
    with filelock.FileLock(folder / ".lock"), pytest.raises(Timeout, match="another installation"):
        install(server, folder, timeout=0.1)
    assert install(server, folder, timeout=None).exists()


def test_only_programs_count_as_installed(folder: Path) -> None:
    assert executable.installed(folder) == {}
    for name, mode in {"6.4.5": 0o755, "6.4.4": 0o644, "notes": 0o755, "v6.4.3": 0o755}.items():
        program = folder / name / "simplex-chat"
        program.parent.mkdir(parents=True)
        program.touch(mode)
    (folder / "6.4.2" / "simplex-chat").mkdir(parents=True)
    (folder / "6.4.1").write_text("")
    assert list(executable.installed(folder)) == ["6.4.5"]


# From a file.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ASSET
    path.write_text("#!/bin/sh\necho 'SimpleX Chat v6.4.8.0'\n")
    return path


def test_a_file_is_installed_under_the_version_that_it_prints(file: Path, folder: Path) -> None:
    path = executable.install(from_file=file, sha256=sha256(file.read_bytes()), folder=folder)
    assert path == folder / "6.4.8.0" / "simplex-chat"
    assert executable.version(path) == "6.4.8.0"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert leftovers(folder) == set()
    assert file.exists()


def test_a_file_is_installed_under_the_version_that_is_given(file: Path, folder: Path) -> None:
    file.write_text("cannot be run here")
    path = executable.install("v6.4.8", from_file=file, sha256=sha256(file.read_bytes()), folder=folder)
    assert path.parent.name == "6.4.8"


def test_a_file_whose_version_cannot_be_learned_is_not_installed(file: Path, folder: Path) -> None:
    file.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(InstallError, match=r"install: the version of .* could not be learned.*version="):
        executable.install(from_file=file, allow_unchecked=True, folder=folder)
    assert executable.installed(folder) == {}
    assert leftovers(folder) == set()


def test_a_file_is_checked_before_it_is_run(file: Path, folder: Path, tmp_path: Path) -> None:
    file.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    with pytest.raises(InstallError, match="SHA-256"):
        executable.install(from_file=file, sha256="0" * 64, folder=folder)
    with pytest.raises(InstallError, match="no _sha256sums"):
        executable.install(from_file=file, folder=folder)
    assert not (tmp_path / "was-run").exists()
    assert executable.installed(folder) == {}


def test_a_file_is_checked_by_the_list_beside_it(file: Path, folder: Path) -> None:
    sums = file.with_name("_sha256sums")
    sums.write_bytes(sums_of(PROGRAM))
    with pytest.raises(InstallError, match="not installed"):
        executable.install(from_file=file, folder=folder)
    sums.write_bytes(sums_of(file.read_bytes()))
    assert executable.install(from_file=str(file), folder=folder).exists()


def test_an_unchecked_file_is_installed_if_allowed_and_that_is_said(
    file: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = executable.install(from_file=file, allow_unchecked=True, folder=folder)
    assert path.exists()
    assert "without being checked" in caplog.text


def test_what_a_killed_installation_left_is_cleared(file: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / ".abandoned.part").touch()
    executable.install(from_file=file, allow_unchecked=True, folder=folder)
    assert leftovers(folder) == set()


# Arguments.


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("version", "../6.4.5"),
        ("version", "latest"),
        ("version", ""),
        ("version", 6.4),
        ("sha256", "abc"),
        ("sha256", 5),
        ("base_url", "file:///srv"),
        ("base_url", "ftp://example.org"),
        ("base_url", "http://"),
        ("base_url", "http://example.org:port"),
        ("base_url", "http://example.org/a b"),
        ("base_url", "http://example.org/a\r\nX: y"),
        ("base_url", "http://example.org/?q"),
        ("base_url", None),
        ("base_url", b"http://example.org"),
        ("timeout", -1),
        ("timeout", "soon"),
        ("stall_timeout", 0),
        ("from_file", "missing"),
        ("from_file", "."),
    ],
)
def test_bad_arguments_are_found_before_anything_is_done(folder: Path, argument: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"^install: {argument}") as caught:
        executable.install(**{"folder": folder, argument: value})
    assert caught.value.argument == argument
    assert not folder.exists()


def test_a_file_that_may_not_be_read_is_named(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InvalidArgument, match="may not be read"):
        executable.install(from_file=file, folder=folder)


def test_a_password_in_the_address_is_refused_and_not_repeated(folder: Path) -> None:
    with pytest.raises(InvalidArgument) as caught:
        executable.install(folder=folder, base_url="https://user:topsecret@example.org")
    assert "topsecret" not in str(caught.value)
