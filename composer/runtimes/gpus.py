"""Whether an engine can give participants the processors and the GPUs that they are to have."""

from __future__ import annotations

from collections.abc import Sequence

from composer.model.command import Command
from composer.model.errors import CommandFailed, ComposerError
from composer.model.federation import Participant
from composer.system.process import run

_SECONDS = 120.0


def require_cpus(participants: Sequence[Participant], there: int) -> None:
    """Make sure that nobody is given more processors than the engine's machine has, which the engine refuses.

    Args:
        participants: Those who are to run there.
        there: How many it has; 0: it does not say.

    Raises:
        ComposerError: Somebody is.
    """
    for one in participants:
        if there and one.cpus and float(one.cpus) > there:
            raise ComposerError(
                f"{one.name} is to have {one.cpus} CPUs, and its machine has {there}",
                f"write at most cpus: {there} for it in composer.yml, or leave cpus out",
            )


def require_gpus(participants: Sequence[Participant]) -> None:
    """Make sure that the engine gives the participants' GPUs to a container.

    It is tried with their own images and a command that ends at once: what an engine says of its runtimes
    leaves out device drivers and CDI devices, through which it may have GPUs as well.

    Raises:
        ComposerError: It does not; the message says whether the engine has no NVIDIA runtime at all.
    """
    wanted = {participant.gpus: participant for participant in participants if participant.gpus}
    for gpus, participant in wanted.items():
        # The option is a line of CSV, so ids that are separated by commas stand between quotes.
        option = gpus if isinstance(gpus, str) else f'"device={",".join(gpus)}"'
        limits = ("--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", "true")
        try:
            run(Command(("docker", "run", "--rm", "--gpus", option, *limits, participant.image.tag)), timeout=_SECONDS)
        except CommandFailed as error:
            raise _refusal(participant, error) from error


def _refusal(participant: Participant, error: CommandFailed) -> ComposerError:
    if "could not select device driver" in error.stderr:
        return ComposerError(
            f"{participant.name} is to have GPUs, but the engine has no NVIDIA runtime",
            "install the NVIDIA Container Toolkit where the engine runs, or take gpus out of composer.yml",
        )
    return ComposerError(
        f"{participant.name} cannot have its GPUs: {error.message}", "see nvidia-smi, and gpus in composer.yml"
    )
