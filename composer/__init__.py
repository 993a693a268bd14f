"""composer: NVIDIA FLARE startup kits in, a running, secure federation out.

The verbs of the command line are functions of the modules of :mod:`composer.usecases`.
"""

__version__ = "0.1.0"
