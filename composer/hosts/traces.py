"""What participants leave on another host, read through its engine; and their connections, tried from there."""

from __future__ import annotations

from dataclasses import dataclass

from composer.deployment.layout import WORKSPACE
from composer.deployment.manifest import DeployedParticipant
from composer.render.templates import read_template
from composer.runtimes.admissions import DOCUMENTS, LAG, TEXT, ServerLog
from composer.runtimes.engine import Engine
from composer.runtimes.engine_answers import Container
from composer.runtimes.state_file import MOST, STATE_FILE
from composer.system.foreign_files import ForeignFile
from composer.system.foreign_text import clean_line, clip

# How much of the server's log is read at each look: hundreds of sites' comings and goings.
_TAIL = 2**18
# Jobs write to the same folder: it may be a link or a pipe by now. Which of the two it is stands in a line of its own.
# The text is asked first, since NVFLARE writes a record there first.
_END_OF_LOG = f"""cd {WORKSPACE} || exit
regular() {{ [ -f "$1" ] && [ ! -L "$1" ]; }}
text=$(stat -c %Y {TEXT} 2>/dev/null || echo 0)
log={TEXT}
if regular {DOCUMENTS} && [ "$(stat -c %Y {DOCUMENTS})" -ge "$((text - {LAG}))" ]; then log={DOCUMENTS}; fi
regular $log && echo $log && exec tail -c {_TAIL} $log
"""


@dataclass(frozen=True)
class There:
    """The traces of the participants whose containers an engine runs."""

    engine: Engine

    def state(self, participant: DeployedParticipant, container: Container) -> ForeignFile:  # noqa: ARG002
        """Read the file in the workspace."""
        return self.engine.read(container.id, f"{WORKSPACE}/{STATE_FILE}", MOST)

    def server_log(self, participant: DeployedParticipant, container: Container | None) -> ServerLog:  # noqa: ARG002
        """Read the end of the file in the workspace, while the server runs."""
        if container is None or container.state != "running":
            return ServerLog(b"")
        _, said = self.engine.run_in(container.id, "timeout", "5", "sh", "-c", _END_OF_LOG)
        name, _, log = said.partition("\n")
        return ServerLog(log.encode(), documents=name == DOCUMENTS)

    def unreachable(self, participant: DeployedParticipant, container: Container | None) -> str:
        """Try it in the participant's own container: name, route, port, TLS and clock are that host's."""
        if container is None or container.state != "running":
            return ""
        serving = participant.type == "server"
        arguments = (
            "127.0.0.1" if serving else participant.host_name,
            str(participant.port),
            participant.security,
            "server" if serving else "client",
            participant.identity,
            f"{WORKSPACE}/startup",
        )
        program = read_template("reach.py").decode()
        status, said = self.engine.run_in(container.id, "python3", "-I", "-c", program, *arguments)
        line = clip(clean_line(said.strip().split("\n")[-1]))
        return line if status == 0 else f"its connection cannot be tried ({line})"
