"""A person at a notebook, with a kernel of its own: `kernel_session.py FOLDER PROGRAM`; prints what came of it.

Cells are run as Jupyter runs them: over the kernel's sockets, and interrupted and restarted by its manager.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from jupyter_client.manager import start_new_kernel

LONG = 60.0


class Notebook:
    def __init__(self) -> None:
        start: Any = start_new_kernel  # its functions have no types
        self.manager, self.client = start(startup_timeout=LONG)

    def begin(self, code: str) -> str:
        """Have a cell run; return the number of the request."""
        return str(self.client.execute(code))

    def outcome(self, request: str, *, first: bool = False) -> str:
        """Return what a cell printed, or the error by which it ended; with `first`, the first thing that it printed."""
        said, state = "", ""
        while state != "idle":
            message = self.client.get_iopub_msg(timeout=LONG)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream" if content["name"] == "stdout":
                    said += str(content["text"])
                    if first:
                        return str(said)
                case "error":
                    said += f"{content['ename']}: {content['evalue']}"
                case "status":
                    state = content["execution_state"]
        return str(said).strip()

    def run(self, code: str) -> str:
        return self.outcome(self.begin(code))


def main() -> None:
    folder, program = sys.argv[1:]
    start = (
        "from simplex_sync import SimplexChat, events\n"
        f"chat = SimplexChat({folder + '/chat'!r}, executable={program!r}, timeout=20).start()\n"
        "import os; print(os.getpid(), chat.pid)"
    )
    use = "print(chat.show_active_user().user.local_display_name)"
    notebook = Notebook()
    said: dict[str, Any] = {"start": notebook.run(start), "again": notebook.run(start), "use": notebook.run(use)}
    waiting = notebook.begin("print('waiting', flush=True); chat.wait_for(events.ContactConnected)")
    notebook.outcome(waiting, first=True)
    begun = time.monotonic()
    notebook.manager.interrupt_kernel()
    said["interrupted"] = notebook.outcome(waiting)
    said["seconds"] = time.monotonic() - begun
    said["used"] = notebook.run(use)
    said["close_all"] = notebook.run("SimplexChat.close_all(); print(chat)")
    said["anew"] = notebook.run(start)
    for now in (False, True):  # asked to end, and killed
        notebook.manager.restart_kernel(now=now)
        notebook.client.wait_for_ready(timeout=LONG)
        said[f"restarted, now={now}"] = notebook.run(start)
    notebook.client.stop_channels()
    notebook.manager.shutdown_kernel(now=True)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
