"""Runs a job on a federation that is up, to its end, and brings its results."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy

from tests.conftest import Deployment, nvflare, run

# The weights and the bias that linear.py is to find.
PLANE = [1, 2, 3, 4, 5, 6, 7, 8, 3]
RECIPES = Path(__file__).parent / "recipes.py"
# Prints the weights of a linear model and its bias.
_WEIGHTS = """\
import json, sys, torch
model = torch.load(sys.argv[1], weights_only=False)["model"]
print(json.dumps([*torch.as_tensor(model["weight"]).flatten().tolist(), *torch.as_tensor(model["bias"]).tolist()]))
"""
_EXTENT = """\
import json, sys, torch
weight = torch.as_tensor(torch.load(sys.argv[1], weights_only=False)["model"]["weight"])
print(json.dumps([weight.min().item(), weight.max().item(), weight.numel()]))
"""


@dataclass(frozen=True)
class Federation:
    """A federation that is up, and a Python with what its jobs import."""

    deployment: Deployment
    python: Path

    def export(self, recipe: str, folder: Path) -> Path:
        """Have a recipe write its job; return the job's folder."""
        ended = run([self.python, RECIPES, recipe, folder])
        assert ended.returncode == 0, ended.err
        return folder / recipe

    def complete(self, job: Path, folder: Path, seconds: int = 240) -> Path:
        """Submit a job, wait until it is FINISHED:COMPLETED, and download it; return the results' folder."""
        # An administrator's container sees the present folder.
        submitted = nvflare(self.deployment, "job", "submit", "-j", job.name, cwd=job.parent)
        waiting = ("job", "wait", submitted["job_id"], "--timeout", str(seconds), "--interval", "1")
        waited = nvflare(self.deployment, *waiting)
        assert waited["status"] == "FINISHED:COMPLETED", waited
        return self.download(submitted["job_id"], folder)

    def download(self, job: str, folder: Path) -> Path:
        """Download a job's results into a folder."""
        folder.mkdir(exist_ok=True)
        nvflare(self.deployment, "job", "download", job, cwd=folder)
        return folder / job

    @property
    def admin_kit(self) -> Path:
        """The kit of the administrator."""
        (kit,) = self.deployment.kits.glob("*@*")
        return kit

    def submitted_from_python(self, recipe: str, recipes: PurePath, kit: PurePath, folder: Path) -> Path:
        """Have a recipe submit its job, beside a site, where the server's name leads to it; return the results."""
        program = ("python3", str(recipes), recipe, "--submit", str(kit))
        ended = self.deployment.run("exec", "site-1", "--", *program)
        assert ended.returncode == 0, ended.err + ended.out
        ((job, status),) = re.findall(r"^ended (\S+) (\S+)$", ended.out, re.MULTILINE)
        assert status == "FINISHED:COMPLETED"
        return self.download(job, folder)

    def array(self, results: Path) -> Any:
        """Return the NumPy model that a job has made."""
        (model,) = results.rglob("server.npy")
        return numpy.load(model).tolist()

    def weights(self, results: Path) -> list[float]:
        """Return the weights and the bias of the linear model that a job has made."""
        return self._numbers(_WEIGHTS, results)

    def extent(self, results: Path) -> list[float]:
        """Return the least and the greatest weight of a model, and how many there are."""
        return self._numbers(_EXTENT, results)

    def _numbers(self, program: str, results: Path) -> list[float]:
        (model,) = results.rglob("FL_global_model.pt")
        said = subprocess.run([self.python, "-c", program, model], check=True, capture_output=True, text=True).stdout
        return [float(value) for value in json.loads(said)]

    @staticmethod
    def trained(text: str) -> list[dict[str, Any]]:
        """Return what the sites' training scripts said of where they ran, as their logs have it."""
        return [json.loads(found) for found in re.findall(r"^.*?trained (\{.*\})", text, re.MULTILINE)]
