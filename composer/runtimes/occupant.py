"""A container that may be where its deployment does not have it any more."""

from __future__ import annotations

from dataclasses import dataclass

from composer.model.command import Command
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.system.process import run


@dataclass(frozen=True)
class DockerOccupant:
    """A participant that runs as a container (a :class:`composer.runtimes.lifecycle.Occupant`)."""

    engine: Engine
    container: Container

    @property
    def id(self) -> str:
        """The container's."""
        return self.container.id

    @property
    def participant(self) -> str:
        """Whose it is."""
        return self.container.participant

    @property
    def service(self) -> str:
        """Its service in the Compose file."""
        return self.container.service

    @property
    def ran(self) -> bool:
        """Whether it ran when it was found."""
        return self.container.state in ("running", "restarting")

    def stop(self) -> None:
        """End it, and keep it."""
        run(Command(("docker", "stop", self.container.id)), 60)

    def bring_back(self) -> str:
        """Start it again; return what the engine says against that, or nothing."""
        return self.engine.try_to_start(self.container.id)

    def remove(self) -> None:
        """Take the container away."""
        self.engine.remove(self.container.id)
