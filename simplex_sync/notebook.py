"""What Jupyter shows: records and lists as tables, links as QR codes, transfers and exports as progress bars.

Records and the lists that the friendly verbs give show themselves; `table` does it for any other list, and for messages
with their texts. Links have `qr()`. Progress bars (tqdm) come with `FileTransfer.wait(bar=True)` and `export`.

A notebook keeps what it shows, so nothing shows message texts, links or keys in words unless it is asked to.
"""

from __future__ import annotations

from simplex_sync._conversation.showing import QRCode, Table, table

__all__ = ["QRCode", "Table", "table"]
