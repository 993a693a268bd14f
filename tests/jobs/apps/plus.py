"""Adds one to each weight of a NumPy model, and hands over the last it has made where it is asked for that."""

import importlib.util
import logging
import sys

import nvflare.client as flare

# The first argument, where there is one: a package that only site-2 has.
own = sys.argv[1] if len(sys.argv) > 1 else ""
flare.init()
if own:
    there = importlib.util.find_spec(own) is not None
    assert there == (flare.get_site_name() == "site-2"), (flare.get_site_name(), there)
weights = None
while flare.is_running():
    received = flare.receive()
    if flare.is_submit_model():
        flare.send(flare.FLModel(params={"numpy_key": weights}))
        continue
    values = received.params["numpy_key"]
    weights = values + 1
    logging.getLogger(__name__).info("plus one at %s", flare.get_site_name())
    flare.send(flare.FLModel(params={"numpy_key": weights}, metrics={"accuracy": float(values.mean())}))
