"""The few values that a field of a noun may have."""

from __future__ import annotations

from typing import Literal

ParticipantType = Literal["server", "client", "admin", "relay"]
Severity = Literal["error", "warning"]
Network = Literal["host", "bridge"]
RuntimeName = Literal["docker", "podman", "process"]
Built = Literal["here", "remote"]
LOCAL = "local"
