"""A site's job that has the server write lines of its choice into its log: forger.py URL STARTUP LINES."""

import os
import sys
import threading
import time

from nvflare.fuel.f3.cellnet.cell import Cell  # type: ignore[import-untyped]
from nvflare.fuel.f3.message import Message  # type: ignore[import-untyped]
from nvflare.private.fed.utils.fed_utils import fobs_initialize  # type: ignore[import-untyped]

url, startup, lines = sys.argv[1:]
fobs_initialize()
cell = Cell(
    fqcn="site-2.forger",
    root_url=url,
    secure=True,
    credentials={
        "ca_cert": f"{startup}/rootCA.pem",
        "client_cert": f"{startup}/client.crt",
        "client_key": f"{startup}/client.key",
    },
    create_internal_listener=False,
    auth_identity="site-2",
    auth_identity_map={"site-2": "site-2", "server": "server1"},
)
core = cell.core_cell
core.start()
time.sleep(2)
# The server refuses a message without a token, and writes into its log from whom it says that it is.
core.my_info.fqcn = f"site-2.forger\n{lines}\n"


def ask() -> None:
    """Send it; the refusal does not find its way back."""
    core.send_request(channel="admin", target="server", topic="x", request=Message({}, None), timeout=2)


asking = threading.Thread(target=ask, daemon=True)
asking.start()
asking.join(6)
os._exit(0)
