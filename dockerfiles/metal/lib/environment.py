"""Says what a Python environment of the user's own lacks to run participants: run by that environment's own Python.

    environment.py NVFLARE OLDEST NEWEST REQUIREMENTS

NVFLARE is the version that fits the kits: the environment must have one of the same release. OLDEST and NEWEST are the
Pythons that it runs on. REQUIREMENTS is a file of pip's: all in it must be there, in the versions that it names.
Status 0: all is well. 1: the line on the standard output says what is not, after the environment's name. Only what was
installed is read, and nothing of it is run. This runs on Python 3.8 and newer, and needs nothing else.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version


def parser():
    """What reads requirements with their versions and conditions: NVFLARE brings it not, but pip and most others do."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError:
            return None
    return Requirement


def listed(path):
    """The requirements in a file of pip's, without options, hashes and comments."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"\\\n", " ", file.read())
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [re.split(r"\s--?[a-z]", line)[0].strip() for line in lines if line and not line.startswith("-")]


def lacking(requirement, exactly):
    """What is wrong with one requirement; empty: nothing. Its version counts where that is to be `exactly` met."""
    read = parser()
    if read is None:
        # A condition cannot be told without it.
        if ";" in requirement:
            return ""
        name, specifier = re.match(r"[\w.-]+", requirement).group(), None
    else:
        parsed = read(requirement)
        if parsed.marker and not parsed.marker.evaluate({"extra": ""}):
            return ""
        name, specifier = parsed.name, parsed.specifier
    try:
        found = version(name)
    except PackageNotFoundError:
        return "has no %s" % name
    if exactly and specifier is not None and not specifier.contains(found, prereleases=True):
        return "has %s %s, and %s is asked for" % (name, found, requirement)
    return ""


def release(nvflare):
    return ".".join(nvflare.split(".")[:2])


def faults(nvflare, oldest, newest, path):
    """Yield what is wrong, what matters most first."""
    own = "%d.%d" % sys.version_info[:2]
    if not tuple(map(int, oldest.split("."))) <= sys.version_info[:2] <= tuple(map(int, newest.split("."))):
        yield "has Python %s, and NVFLARE %s needs one from %s to %s" % (own, release(nvflare), oldest, newest)
    try:
        found = version("nvflare")
    except PackageNotFoundError:
        yield "has no NVFLARE; the kits need %s" % release(nvflare)
        return
    if release(found) != release(nvflare):
        yield "has NVFLARE %s, and the kits need %s" % (found, release(nvflare))
    wanted = [one for one in listed(path) if not re.match(r"nvflare\b", one, re.IGNORECASE)]
    for one in wanted:
        yield lacking(one, exactly=True)
    for one in requires("nvflare") or []:
        yield lacking(one, exactly=False)


for fault in filter(None, faults(*sys.argv[1:])):
    print(fault)
    sys.exit(1)
