"""composer: NVIDIA FLARE startup kits in, a running, secure federation out.

The use cases of the command line are functions of :mod:`composer.usecases.app`.
"""

__version__ = "0.1.0"
