"""What an untrusted process may touch: the rules, how they are worked out, and the call that puts them in force."""

from __future__ import annotations

import glob
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gexbench.engine.sandbox import landlock, linux, mounts, seccomp
from gexbench.engine.sandbox.allowlist import below, resolved, split, within
from gexbench.errors import PlanError

# What torch's import and training on a CPU read beside libraries and packages, found with strace.
_CPU_FILES = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/devices/system/node")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
_LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
_CPU_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_CUDA_FILES = (
    *("/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/sys/vm/mmap_min_addr"),
    *("/proc/self/maps", "/proc/self/status", "/proc/self/task"),
    *("/sys/bus/pci/devices", "/sys/devices/system/memory", "/usr/share/nvidia", "/usr/local/nvidia"),
)
_CUDA_PATTERNS = ("/usr/local/cuda*", "/sys/devices/pci*", "/sys/module/nvidia*")
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Rules:
    """Everything a process may reach; whatever is not below one of these paths is refused.

    read: files, or folders with all below them, to read and execute. listing: folders where, and below which, names may
    be listed but nothing read. write: folders in which everything may be done but making links, pipes, sockets and
    devices. devices: device files to read and write. view: what is refused has no name either, where the system has
    that (see mounts). names: other paths to these places, by links, which a view keeps.
    """

    read: tuple[Path, ...] = ()
    listing: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    names: tuple[Path, ...] = ()
    view: bool = False


@dataclass(frozen=True)
class Support:
    """What the running system offers: Landlock's interface version (0: none), the system call filter, and views."""

    landlock_abi: int
    seccomp: bool
    view: bool = False


def support() -> Support:
    """Tell what `enclose` and `restrict` can do here; never raises."""
    return Support(landlock.abi(), seccomp.supported(), mounts.supported())


def enclose(rules: Rules, folder: Path) -> None:
    """Hide from this process, and all it will start, whatever is not in the rules, and go to a folder of them.

    Call it while there is one thread, and `restrict` next. Raises mounts.NoView where the system refuses.
    """
    read, write, folders, names = (
        tuple(map(str, paths)) for paths in ((*rules.read, *rules.devices), rules.write, rules.listing, rules.names)
    )
    mounts.enter(mounts.View(str(folder), read, write, folders, names))


def restrict(rules: Rules) -> None:
    """Confine this process and all it will start to the rules, for good; call it while there is one thread.

    It gives up all privileges, then puts up Landlock and the system call filter, each where the system has it (see
    `support`). Rules for paths that do not exist are passed over. Raises OSError when the kernel refuses.
    """
    version = landlock.abi()
    linux.no_new_privileges()
    if version:
        landlock.confine(_grants(rules), version)
    linux.drop_capabilities()
    if seccomp.supported():
        seccomp.apply(version)


def _grants(rules: Rules) -> Iterable[tuple[str, landlock.Access]]:
    columns = (
        (rules.read, landlock.READ),
        (rules.listing, landlock.LIST),
        (rules.write, landlock.WRITE),
        (rules.devices, landlock.DEVICE),
    )
    return [(str(path), access) for paths, access in columns for path in paths]


def interpreter_rules(private: Sequence[Path], packages: Sequence[Path], devices: Literal["cpu", "cuda"]) -> Rules:
    """Allow what this interpreter needs to import installed packages, gexbench and `packages`, less `private`.

    private: files or folders to keep out, wherever they are; one around a package or a folder of the interpreter does
    not close that. packages: folders (or single files) of plug-in code. Folders of Python and of shared libraries are
    those of the running interpreter; package folders that are not on `sys.path` are left out. The names inside a folder
    that holds something private stay listable, for imports need that. Raises PlanError for a plug-in that is itself
    private, or a link into something private. Processes with CUDA devices have no view: it was never tried there.
    """
    ours = Path(__file__).resolve().parents[2]
    hidden = resolved([*private, *_foreign_packages()])
    code = [_public(package, hidden) for package in packages]
    roots = dict.fromkeys([*(os.path.realpath(each) for each in _code_folders()), str(ours), *code])
    parts = [split(root, below(root, hidden)) for root in roots if os.path.exists(root)]
    read = [path for kept, _ in parts for path in kept]
    mapped = [file for file in _mapped(read) if not any(within(file, secret) for secret in hidden)]
    read += mapped
    listing = [*_import_parents([str(ours), *code]), *(path for _, listed in parts for path in listed)]
    special = [*_CPU_DEVICES, *(_glob("/dev/nvidia*", "/dev/nvidia-caps/*") if devices == "cuda" else ())]
    read += [*_SYSTEM_FILES, *_CPU_FILES, *(_cuda_files() if devices == "cuda" else ())]
    names = [*_code_folders(), *filter(None, sys.path), *packages, *_links_to(mapped)]
    known = _paths(os.path.abspath(str(name)) for name in names)
    return Rules(_paths(read), _paths(listing), (), _paths(special), known, view=devices == "cpu")


def _public(package: Path, hidden: frozenset[str]) -> str:
    place = os.path.realpath(package)
    if place in hidden or (package.is_symlink() and any(within(place, secret) for secret in hidden)):
        raise PlanError(f"plug-in folder {package}: attacks may not read {place}", "give the plug-in its own folder")
    return place


def _code_folders() -> list[Path]:
    """Return the interpreter, its library, the package folders on `sys.path`, and the shared libraries."""
    stdlib = [Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")]
    base = [Path(sys.base_prefix, name) for name in ("lib", "lib64")]
    binaries = [Path(sys.executable), Path(getattr(sys, "_base_executable", sys.executable))]
    return [
        *(*binaries, Path(sys.prefix, "pyvenv.cfg")),
        *(*stdlib, *base, *map(Path, _LIBRARY_FOLDERS)),
        *(*package_folders(), *_preloaded()),
    ]


def package_folders() -> list[Path]:
    """Return the folders of installed packages that this interpreter imports from, and a confined process may read."""
    entries = [*sys.path, *site.getsitepackages()]
    return [Path(entry) for entry in entries if Path(entry).name in _PACKAGE_FOLDERS]


def _preloaded() -> list[Path]:
    """Return the shared libraries in LD_LIBRARY_PATH: single files, for such a folder may hold anything."""
    folders = [Path(entry) for entry in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if os.path.isabs(entry)]
    return [file for folder in folders if folder.is_dir() for file in folder.glob("*.so*")]


def _mapped(allowed: Sequence[str]) -> list[str]:
    """Return the shared libraries this process runs on that lie elsewhere, as on Nix or a cluster with modules."""
    if sys.platform != "linux":
        return []
    lines = Path("/proc/self/maps").read_text().splitlines()
    files = dict.fromkeys(line[line.index("/") :] for line in lines if "/" in line and ".so" in line)
    return [file for file in files if os.path.exists(file) and not any(within(file, root) for root in allowed)]


def _links_to(files: Sequence[str]) -> list[str]:
    """Return the links beside files that lead to them: a library is looked for by another name than its file's."""
    beside = [os.path.join(folder, name) for folder in {*map(os.path.dirname, files)} for name in os.listdir(folder)]
    return [path for path in beside if os.path.islink(path) and os.path.realpath(path) in files]


def _foreign_packages() -> list[Path]:
    """Return the package folders of the system's and the base interpreter that are not on `sys.path`."""
    parents = [sys.base_prefix + "/lib", sys.base_prefix + "/lib64", *_LIBRARY_FOLDERS]
    found = _glob(*(f"{parent}/python3*/{name}" for parent in parents for name in _PACKAGE_FOLDERS))
    used = {each.resolve() for each in package_folders()}
    return [Path(each) for each in found if Path(each).resolve() not in used]


def _import_parents(packages: Sequence[str]) -> list[str]:
    """Return the folders on `sys.path` in which packages lie: the import system lists them."""
    on_path = {os.path.realpath(entry) for entry in sys.path}
    return [parent for parent in map(os.path.dirname, packages) if parent in on_path]


def _cuda_files() -> list[str]:
    return [*_CUDA_FILES, *_glob(*_CUDA_PATTERNS)]


def _glob(*patterns: str) -> list[str]:
    return [found for pattern in patterns for found in sorted(glob.glob(pattern))]


def _paths(texts: Iterable[str]) -> tuple[Path, ...]:
    return tuple(map(Path, dict.fromkeys(texts)))
