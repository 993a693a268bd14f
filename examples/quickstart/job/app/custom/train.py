"""The training of every site: it adds one to each weight, so that the result can be checked by eye."""

import nvflare.client as flare


def train() -> None:
    """Answer every round of the server with the weights plus one."""
    flare.init()
    while flare.is_running():
        received = flare.receive()
        weights = {name: value + 1 for name, value in received.params.items()}
        flare.send(flare.FLModel(params=weights, params_type="FULL"))


train()
