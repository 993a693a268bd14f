"""Trains a linear model whose true weights are known, with PyTorch, wherever it is told to."""

import argparse
import json
import os

import nvflare.client as flare
import torch
from torch.utils.data import DataLoader, TensorDataset

FEATURES = 8


def data(site):
    """Points of one site, on a plane whose weights are 1, 2, ... and whose bias is 3."""
    points = torch.randn(256, FEATURES, generator=torch.Generator().manual_seed(sum(map(ord, site))))
    return TensorDataset(points, points @ torch.arange(1.0, FEATURES + 1).unsqueeze(1) + 3)


def train(model, site, device, workers):
    """Go over the data a few times; with workers, other processes hand it over through shared memory."""
    loader = DataLoader(data(site), batch_size=32, num_workers=workers)
    steps = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        for points, wanted in loader:
            steps.zero_grad()
            loss = torch.nn.functional.mse_loss(model(points.to(device)), wanted.to(device))
            loss.backward()
            steps.step()
    return float(loss)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    if given.device == "cuda":
        assert torch.cuda.is_available(), "this process sees no GPU"
    flare.init()
    site = flare.get_site_name()
    while flare.is_running():
        received = flare.receive()
        model = torch.nn.Linear(FEATURES, 1).to(given.device)
        model.load_state_dict({name: torch.as_tensor(value) for name, value in received.params.items()})
        loss = train(model, site, given.device, given.workers)
        weight = model.weight
        where = {
            "site": site,
            "device": str(weight.device),
            "gpu": torch.cuda.get_device_name(weight.device) if weight.is_cuda else "",
            "gpus": torch.cuda.device_count(),
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "torch": torch.__version__,
        }
        print("trained " + json.dumps(where), flush=True)
        flare.send(
            flare.FLModel(
                params={name: value.cpu() for name, value in model.state_dict().items()},
                metrics={"accuracy": -loss},
                meta={"NUM_STEPS_CURRENT_ROUND": 1},
            )
        )


main()
