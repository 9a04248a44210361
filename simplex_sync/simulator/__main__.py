"""The program: `python -m simplex_sync.simulator -d PREFIX -p 0`."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from .failure import CommandStops
from .options import USAGE, Options, UsageError, parse_options
from .terminal import end, print_line

NOT_A_DATABASE = (
    "simplex-chat: SQLite3 returned ErrorNotADatabase while attempting to perform exec"
    ' "SELECT count(*) FROM sqlite_master;": file is not a database'
)


def main(arguments: list[str] | None = None) -> None:
    """Run the simulator with a command line; it returns only by ending the program.

    Args:
        arguments: The options; those of the program by default.

    Raises:
        SystemExit: It ended.
    """
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
    except UsageError as problem:
        raise end(f"{problem}\n\n{USAGE.rstrip()}") from None
    if options.action == "help":
        print_line(USAGE.rstrip())
    elif options.action == "version":
        print_line(f"SimpleX Chat v{options.version}")
    elif options.action in ("fill", "report"):
        _rehearse(options)
    else:
        _run(options)


def _rehearse(options: Options) -> None:
    """Fill a database, or print what was done in it."""
    from .filling import NotAnExport, fill  # here: it needs all features
    from .rehearsal import report

    try:
        if options.export is None:
            found = report(options.database, options.key)
        else:
            if options.files_folder is None or not options.files_folder.is_dir():
                raise end("--fill needs a folder for the files: --files-folder FOLDER")
            found = fill(options.database, options.key, options.export, options.files_folder)
    except NotAnExport as problem:
        raise end(str(problem)) from None
    except FileExistsError:
        raise end(f"{options.database}: there is a database already; an export fills a new one") from None
    except FileNotFoundError:
        raise end(f"{options.database}: this is no database that was filled for a rehearsal") from None
    print_line(json.dumps(found))


def _run(options: Options) -> None:
    # The signals that end the CLI end this, too: at once, whatever it is doing.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)

    from . import features  # noqa: F401 - here: importing it registers all commands, which -h does not need
    from .connectivity import start
    from .engine import Simulator
    from .links import random_id
    from .network import Network
    from .publishing import restore
    from .server import Server
    from .startup import choose_user
    from .store import ForeignDatabase, NotADatabase, Store

    for folder in (options.database.parent, options.files_folder, options.temp_folder):
        if folder is not None and not folder.is_dir():
            raise end(f"simplex-chat: {folder}: does not exist (No such file or directory)")
    with ExitStack() as stack:
        stores = []
        for name in ("chat", "agent"):
            path = options.database.with_name(f"{options.database.name}_{name}.db")
            try:
                stores.append(stack.enter_context(closing(Store(path, options.key))))
            except NotADatabase:
                raise end(NOT_A_DATABASE) from None
            except ForeignDatabase:
                raise end(f"simplex-chat: {path.name} is no database of the simulator, which leaves it alone") from None
        store = stores[0]
        node = store.fact("node")
        if node is None:
            node = random_id(12).replace("-", "0").replace("_", "1")
            store.set_fact("node", node)
        network = stack.enter_context(closing(Network(Path(os.path.abspath(options.network)), node)))
        simulator = Simulator(store, network, options)
        user = choose_user(simulator)
        print_line(f"Current user: {user['localDisplayName']}")
        restore(simulator)
        simulator.transact(lambda: start(simulator))
        server = stack.enter_context(closing(Server(simulator)))
        if options.port is not None:
            try:
                server.listen(options.port)
            except OSError:
                raise end("simplex-chat: Network.Socket.bind: resource busy (Address already in use)") from None
        try:
            server.run()
        except CommandStops:
            raise end("simplex-chat: AsyncCancelled") from None


if __name__ == "__main__":
    main()
