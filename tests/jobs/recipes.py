"""Writes the jobs of the tests as NVFLARE's own recipes do. Run by the Python of a federation:

recipes.py NAME FOLDER            into a folder
recipes.py NAME --submit KIT      to the server, by an administrator's kit; prints how the job has ended
"""

import os
import sys
from pathlib import Path

APPS = Path(__file__).parent / "apps"
SITES = ["site-1", "site-2"]


def linear(name, arguments="", **more):
    from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe

    model = {"class_path": "torch.nn.Linear", "args": {"in_features": 8, "out_features": 1}}
    script = {"train_script": "linear.py", "train_args": arguments}
    return FedAvgRecipe(name=name, model=model, min_clients=2, num_rounds=2, **script, **more)


def large():
    from nvflare.app_opt.pt.recipes.fedavg import FedAvgRecipe

    model = {"class_path": "torch.nn.Embedding", "args": {"num_embeddings": 125_000, "embedding_dim": 1000}}
    return FedAvgRecipe(name="large", model=model, min_clients=2, num_rounds=1, train_script="large.py")


def plus(name, arguments=""):
    from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe

    script = {"train_script": "plus.py", "train_args": arguments}
    return NumpyFedAvgRecipe(name=name, model=[[1.0, 2.0], [3.0, 4.0]], min_clients=2, num_rounds=2, **script)


def cross_site():
    from nvflare.recipe.utils import add_cross_site_evaluation

    recipe = plus("cross-site")
    add_cross_site_evaluation(recipe)
    return recipe


def log_streaming():
    recipe = plus("log-streaming")
    recipe.enable_log_streaming("log.txt")
    return recipe


def statistics():
    from nvflare.recipe.fedstats import FedStatsRecipe

    sys.path.insert(0, str(APPS))
    from ages import Ages

    wanted = {"count": {}, "mean": {}, "sum": {}}
    return FedStatsRecipe("statistics", "statistics.json", SITES, wanted, Ages())


RECIPES = {
    "torch-workers": lambda: linear("torch-workers", "--workers 2"),
    "torch-external": lambda: linear("torch-external", launch_external_process=True),
    "cross-site": cross_site,
    "log-streaming": log_streaming,
    "large": large,
    "own-requirements": lambda: plus("own-requirements", "inflection"),
    "from-python": lambda: plus("from-python"),
    "statistics": statistics,
    "cuda": lambda: linear("cuda", "--device cuda"),
    "cpu": lambda: linear("cpu"),
}


def submit(recipe, kit):
    from nvflare.recipe.prod_env import ProdEnv

    run = recipe.execute(ProdEnv(kit, username=Path(kit).name))
    run.get_result()
    print(f"ended {run.get_job_id()} {run.get_status()}")


def main(name, *where):
    place = str(Path(where[-1]).resolve())
    # A script's path goes into the job as it is given.
    os.chdir(APPS)
    recipe = RECIPES[name]()
    if where[0] == "--submit":
        submit(recipe, place)
    else:
        recipe.export(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
