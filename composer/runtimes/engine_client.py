"""A client of the Docker SDK that reads no more of an answer than an engine has to say.

An engine behind SSH is its host's, which may answer without end. Docker's SDK keeps a whole answer in memory.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from docker import APIClient
from docker.context import ContextAPI
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from composer.system.tail import first_of

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_FAR_SECONDS = 20
_BLOCK = 1 << 16
# Bytes of one answer. An engine with thousands of containers, or of records in its build cache, says less.
_MOST = 32 << 20
# Bytes of one block of an answer that comes in blocks.
_MOST_OF_BLOCK = 1 << 20


def open_client(docker_host: str | None) -> APIClient:
    """Return a client of the engine at ``docker_host``, or of the one that the Docker CLI would use.

    Raises:
        DockerException, RequestException: It does not answer.
    """
    if docker_host:
        return _BoundedClient(base_url=docker_host, timeout=_FAR_SECONDS)
    found = kwargs_from_env() if os.environ.get("DOCKER_HOST") else ContextAPI.kwargs_from_context()
    return _BoundedClient(**found)


class _BoundedClient(APIClient):
    def get_redirect_target(self, resp: Response) -> None:
        """Go nowhere else: no engine sends anybody to another address, and requests would read all that it says."""

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send a request and return its answer, of which so much is read as any engine says.

        Raises:
            RequestException: The answer is longer.
        """
        in_blocks = bool(kwargs.get("stream"))
        response = super().send(request, **{**kwargs, "stream": True})
        if in_blocks and response.ok:
            response.raw = _Blocks(response.raw)
        else:
            _read(response)
        return response


def _read(response: Response) -> None:
    """Put what the engine says in the place of the stream that it comes from."""
    content = first_of(response.raw.stream(_BLOCK, decode_content=True), _MOST + 1)
    if len(content) > _MOST:
        response.raw.close()
        raise RequestException(f"more than {_MOST >> 20} MiB in one answer")
    response.raw = io.BytesIO(content)


class _Blocks:
    """A stream that is read in blocks no longer than is useful.

    An engine says how long a block is, and Docker's SDK waits for all of it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, amount: int) -> bytes:
        """Return the next bytes, not more than asked for."""
        return bytes(self._stream.read(min(amount, _MOST_OF_BLOCK)))
