"""Tells a participant's entrypoint that the server has accepted the participant, though no log can be written.

NVFLARE says so in its log alone, and only once: on a full disk the line is lost. It imports what lies beside its drivers
(NVFLARE_COMM_DRIVER_PATH) before the participant registers, so that this hears it, too, and tells it through a pipe.
"""

import logging
import os

_DESCRIPTOR = "FLARE_ACCEPTED"
# Of a client (fed_client_base.py) and of a relay (relay.py), from 2.4 to 2.9.
_ACCEPTED = ("Successfully registered client:", "Successfully authenticated to ")


class Acceptance(logging.Handler):
    """Writes a line into a pipe when the participant logs that it was accepted; what fails here must not fail there."""

    def __init__(self, descriptor):
        super().__init__(logging.INFO)
        self._descriptor = descriptor

    def emit(self, record):
        try:
            if record.getMessage().startswith(_ACCEPTED):
                os.write(self._descriptor, b"accepted\n")
        except Exception:
            pass


def _listen():
    # Neither a job nor anything else that the participant starts may tell it: they inherit neither of the two.
    descriptor = int(os.environ.pop(_DESCRIPTOR, 0))
    if descriptor:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        logging.getLogger().addHandler(Acceptance(descriptor))


_listen()
