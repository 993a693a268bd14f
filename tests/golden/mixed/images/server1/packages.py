"""Installs Python packages: by uv, which is ten times faster than pip and is told all that pip would be; or by pip.

packages.py bring --pip FOLDER -- OPTION...                     uv itself, beside the pip of a virtual environment
packages.py lock --uv UV -r FILE --into FOLDER -- OPTION...     what would be installed, with hashes
packages.py install --uv UV --pip PIP --python PYTHON -r FILE -- OPTION...
packages.py collect --uv UV --pip PIP -r FILE --lock LOCK --into FOLDER -- OPTION...       all that as wheels
packages.py compile --into FOLDER                               bytecode that is the same each time

OPTIONs are pip's; pip's own variables and configuration files hold, too. UV is a program or a wheel, PIP what pip is
imported from; either may be a pattern. Where uv is not there, or lacks what an OPTION asks for, pip installs, and
`lock` writes `without-uv`, which says why. What the Python has already is used, not installed again. This runs on
Python 3.8 and newer, and needs nothing else.
"""

import argparse
import configparser
import glob
import os
import re
import ssl
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

UV = """\
uv==0.13.9 \\
    --hash=sha256:SHA256 \\
    --hash=sha256:SHA256 \\
    --hash=sha256:SHA256
"""
# Options of pip itself, and of no user's.
PLAINLY = ["--disable-pip-version-check", "--progress-bar=off"]
# In every base image, and nothing that is built upon.
TOOLS = {"pip", "setuptools", "wheel"}
# Settings of pip and what uv calls them: an option, or variables, since addresses may hold passwords.
LISTS = {
    "trusted-host": "--allow-insecure-host",
    "constraint": "--constraints",
    "no-binary": "--no-binary",
    "only-binary": "--only-binary",
}
SWITCHES = {
    "no-index": "--no-index",
    "pre": "--prerelease=allow",
    "no-cache-dir": "--no-cache",
    "no-build-isolation": "--no-build-isolation",
    "quiet": "--quiet",
}
VARIABLES = {
    "index-url": ["UV_DEFAULT_INDEX"],
    "extra-index-url": ["UV_INDEX"],
    "find-links": ["UV_FIND_LINKS"],
    "cert": ["SSL_CERT_FILE"],
    "client-cert": ["SSL_CLIENT_CERT"],
    "proxy": ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"],
    "timeout": ["UV_HTTP_TIMEOUT"],
    "retries": ["UV_HTTP_RETRIES"],
}
SHORT = {"-i": "index-url", "-f": "find-links", "-c": "constraint", "-U": "upgrade", "-q": "quiet", "-v": "verbose"}
SAME = {"default-timeout": "timeout", "pypi-url": "index-url"}
# What changes nothing of what is installed into a new environment.
IDLE = {
    *("break-system-packages", "cache-dir", "disable-pip-version-check", "no-color", "no-compile", "no-input"),
    *("no-python-version-warning", "no-warn-conflicts", "no-warn-script-location", "prefer-binary", "progress-bar"),
    *("require-hashes", "root-user-action", "upgrade", "upgrade-strategy", "use-pep517", "verbose"),
}


class Unknown(Exception):
    """pip has an option that uv has not."""


def parsed(option):
    """The name of a setting, and its value, which is empty where there is none."""
    long = re.fullmatch(r"--([a-z0-9-]+)(?:[=\s]\s*(.*))?", option)
    if long:
        return SAME.get(long[1], long[1]), (long[2] or "").strip()
    return SHORT.get(option[:2], option), option[2:].strip(" =")


def options_of(text):
    return [re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines() if re.match(r"\s*-(?!-hash)", line)]


def pip_settings():
    """What pip's configuration files and variables say, as pip reads them: the later ones win."""
    home = Path(os.environ.get("HOME") or "/")
    config = os.environ.get("XDG_CONFIG_HOME") or home / ".config"
    own = os.environ.get("PIP_CONFIG_FILE", "")
    files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", home / ".pip/pip.conf", Path(config, "pip/pip.conf")]
    found = {}
    for file in [] if own == os.devnull else [*files, *([own] if own else [])]:
        parser = configparser.RawConfigParser()
        parser.read(file, encoding="utf-8")
        for section in (name for name in ("global", "install") if parser.has_section(name)):
            found.update((name.lower().replace("_", "-"), value) for name, value in parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            found[name[4:].lower().replace("_", "-")] = value
    return {SAME.get(name, name): value for name, value in found.items() if value}


def translated(options):
    """uv's options and variables for what pip's configuration says, and for these options of pip's."""
    settings = {name: value.split() for name, value in pip_settings().items() if value not in ("false", "0", "no")}
    for option in options:
        name, value = parsed(option)
        if not (name in LISTS or name in SWITCHES or name in VARIABLES or name in IDLE):
            raise Unknown(f"uv has no option that does what pip's {name} does")
        several = name in LISTS or name in ("extra-index-url", "find-links")
        settings[name] = [*(settings.get(name, []) if several else []), *([value] if value else [])]
    # pip warns of a folder that is not there, and uv ends.
    settings["find-links"] = [link for link in settings.get("find-links", []) if ":" in link or os.path.exists(link)]
    arguments = [part for name in LISTS for value in settings.get(name, []) for part in (LISTS[name], value)]
    arguments += [switch for name, switch in SWITCHES.items() if name in settings]
    variables = {}
    for name, uvs in VARIABLES.items():
        if settings.get(name):
            variables.update((uv, ("," if name == "find-links" else " ").join(settings[name])) for uv in uvs)
    return arguments, {**certificates(), **variables}


def certificates():
    """pip trusts what requests does, and since 24.2 what the system does."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if os.environ.get(name):
            return {"SSL_CERT_FILE": os.environ[name]}
    has_store = os.path.exists(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    return {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"} if has_store else {}


def first(pattern):
    return pattern if os.path.exists(pattern) else next(iter(sorted(glob.glob(pattern))), "")


class Uv:
    """uv with pip's settings, in a folder that has no configuration of uv's."""

    def __init__(self, place, given):
        asked = [*given.options, *options_of(Path(given.requirements).read_text(encoding="utf-8"))]
        self.arguments, variables = translated(asked)
        self.program = first(given.uv)
        if not self.program:
            raise Unknown("uv is not to be had for it")
        self.python, self.folder = given.python, place
        if self.program.endswith(".whl"):
            with zipfile.ZipFile(self.program) as wheel:
                (inside,) = [name for name in wheel.namelist() if name.endswith("/scripts/uv")]
                self.program = wheel.extract(inside, str(place))
            os.chmod(self.program, 0o755)
        self.environment = {**os.environ, **variables, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}

    def run(self, *arguments, **options):
        command = [self.program, "pip", *arguments, "--index-strategy=unsafe-best-match", *self.arguments]
        return subprocess.run(command, env=self.environment, cwd=self.folder, check=True, **options)

    def missing(self, requirements):
        """What it takes to meet the requirements beside what the Python has already, and whether that names all."""
        text = Path(requirements).read_text(encoding="utf-8")
        known = Path(self.folder, "known")
        known.mkdir()
        subprocess.run([self.python, __file__, "describe", "--into", str(known)], check=True)
        if not list(known.iterdir()):
            return text, False
        # uv itself does not look where Debian and a virtual environment's base have their packages.
        subprocess.run([self.python, "-m", "venv", "--without-pip", str(self.folder / "seeded")], check=True)
        (site,) = self.folder.glob("seeded/lib/python3*/site-packages")
        for folder in known.iterdir():
            folder.rename(site / folder.name)
        python = str(self.folder / "seeded/bin/python3")
        wanted = self.run("install", "--dry-run", "--python", python, "-r", requirements, stderr=subprocess.PIPE)
        # As uv lists them: " + name==version", with where it is from in brackets if that is no index.
        pins = re.findall(r"(?m)^ \+ (\S+?)(==\S+)(?: \(from (.+)\))?$", wanted.stderr.decode())
        lines = [f"{name} @ {url}" if url else f"{name}{version}" for name, version, url in pins]
        return "".join(f"{line}\n" for line in [*options_of(text), *lines]), True


def describe(given, _):
    """Write into a folder what tells which packages this Python has."""
    for found in distributions():
        name, version = found.metadata["Name"], found.metadata["Version"]
        if name and version and name.lower() not in TOOLS:
            folder = Path(given.into, f"{re.sub('[-_.]+', '_', name)}-{version}.dist-info")
            folder.mkdir(exist_ok=True)
            text = found.read_text("METADATA") or found.read_text("PKG-INFO") or found.read_text("") or ""
            (folder / "METADATA").write_text(text, encoding="utf-8")
    return 0


def bring(given, place):
    """Install uv beside pip; an index that has it not, or not for this platform, is no failure."""
    fetch_uv([str(Path(given.pip, "bin/pip")), "install", *PLAINLY], given, place)
    return 0


def fetch_uv(pip, given, place):
    """Have pip bring the uv that is pinned, where the index has it."""
    pinned = place / "uv.txt"
    pinned.write_text(UV)
    ended = subprocess.run([*pip, "--require-hashes", "-r", str(pinned), *given.options], stderr=subprocess.PIPE)
    said = ended.stderr.decode(errors="replace")
    if "No matching distribution found for uv" not in said or "WARNING" in said:
        ended.check_returncode()
    sys.stderr.write(said)


def lock(given, place, everywhere=True):
    """Write what would be installed, with the hashes of all files; for newer Pythons and all platforms, too."""
    into = Path(given.into)
    into.mkdir(exist_ok=True)
    try:
        uv = Uv(place, given)
    except Unknown as reason:
        (into / "without-uv").write_text(f"{reason}\n")
        return 0
    asked = place / "requirements.txt"
    asked.write_text(uv.missing(given.requirements)[0], encoding="utf-8")
    form = ["--generate-hashes", "--no-header", "--no-annotate", "--no-strip-extras"]
    if everywhere:
        form += ["--universal", "--python-version", "%d.%d" % sys.version_info[:2]]
    uv.run("compile", *form, "--python", given.python, "-o", str(into / "requirements.lock"), str(asked),
           stdout=subprocess.DEVNULL)  # fmt: skip
    return 0


def collect(given, place):
    """Collect the wheels of all that is locked, of uv and of pip, and lock it to these: some are built here."""
    pinned = ["--require-hashes", "--no-deps"] if "--hash=" in Path(given.lock).read_text() else []
    pip = [*pip_command(given, "wheel"), "--wheel-dir", given.into]
    for wanted in ([*pinned, "-r", given.lock], ["pip"]):
        subprocess.run([*pip, *given.options, *wanted], check=True)
    fetch_uv(pip, given, place)
    given.uv = str(Path(given.into, "uv-*.whl"))
    given.options += ["--no-index", f"--find-links={given.into}"]
    return lock(given, place, everywhere=False)


def install(given, place):
    """Install the requirements; with the hashes that they have, and then nothing besides."""
    pinned = ["--require-hashes", "--no-deps"] if "--hash=" in Path(given.requirements).read_text() else []
    try:
        uv = Uv(place, given)
    except Unknown as reason:
        sys.stderr.write(f"composer: pip installs the packages, since {reason}\n")
        compiled = [] if given.compile else ["--no-compile"]
        command = [*pip_command(given, "install"), *compiled, *pinned, *given.options, "-r", given.requirements]
        return subprocess.run(command).returncode
    requirements = given.requirements
    if not pinned:
        text, is_all = uv.missing(requirements)
        requirements = str(place / "requirements.txt")
        Path(requirements).write_text(text, encoding="utf-8")
        pinned = ["--no-deps"] if is_all else []
    # In a build, uv's cache is a mount, from which nothing can be linked.
    how = ["--compile-bytecode"] if given.compile else ["--link-mode=copy"]
    uv.run("install", "--python", given.python, *how, *pinned, "-r", requirements)
    return 0


def pip_command(given, verb):
    """pip, from where it is imported, in the Python that it installs into, or as that Python brings it along."""
    if given.pip:
        os.environ["PYTHONPATH"] = first(given.pip)
    elif subprocess.run([given.python, "-c", "import pip"], stderr=subprocess.DEVNULL).returncode:
        subprocess.run([given.python, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    return [given.python, "-m", "pip", verb, *PLAINLY]


def compile_all(given, place):
    """Compile all modules in a folder. In which order a process does so shows in what it writes, so that is fixed."""
    files = sorted(str(path) for path in Path(given.into).rglob("*.py"))
    processes = []
    for part in range(4):
        listed = place / f"{part}.txt"
        listed.write_text("".join(f"{file}\n" for file in files[part::4]), encoding="utf-8")
        command = [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
        processes.append(subprocess.Popen([*command, "-i", str(listed)], env={**os.environ, "PYTHONHASHSEED": "0"}))
    for process in processes:
        # Packages bring modules of other Pythons, which do not compile.
        process.wait()
    return 0


def main():
    """Do what the command line says."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    deeds = {"bring": bring, "lock": lock, "collect": collect, "install": install}
    deeds.update({"compile": compile_all, "describe": describe})
    parser.add_argument("deed", choices=deeds)
    for option in ("--uv", "--pip", "--lock", "--into"):
        parser.add_argument(option, default="")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("-r", dest="requirements")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given = parser.parse_args(sys.argv[1:end])
    given.options = sys.argv[end + 1 :]
    with tempfile.TemporaryDirectory() as place:
        try:
            return deeds[given.deed](given, Path(place))
        except subprocess.CalledProcessError as failed:
            # What was started has said why.
            sys.stderr.write((failed.stderr or b"").decode(errors="replace"))
            return 1


if __name__ == "__main__":
    sys.exit(main())
