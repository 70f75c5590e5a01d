"""Where a run comes from: versions, git state, the folder of a plug-in."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "lpips", "scikit-image", "scikit-learn", "scipy")


def plug_in_folder(entry: str, code: Path | None) -> Path | None:
    """Return the folder of the code an entry names, or a module's one file, without importing it.

    None for gexbench's own, and for what is not installed.
    """
    top = entry.partition(":")[0].partition(".")[0]
    if top == "gexbench":
        return None
    if code is not None:
        return code
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    folders = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location and spec.origin else ())]
    return Path(folders[0]).resolve() if folders else None


def versions() -> dict[str, str]:
    """Return the versions of the libraries that make numbers."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES if _installed(name)}


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def git_state() -> tuple[str | None, bool | None]:
    """Return commit and whether the tree differs from it, where gexbench runs from a checkout; else (None, None)."""
    if not (PACKAGE.parent / ".git").exists():
        return None, None
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--", "gexbench", "registry", "pyproject.toml")
    return (commit or None), (bool(changed) if commit else None)


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(PACKAGE.parent), *words], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def own_version() -> str:
    """Return gexbench's version, "0+unknown" where it runs without having been installed."""
    return importlib.metadata.version("gexbench") if _installed("gexbench") else "0+unknown"


def python() -> str:
    """Return Python's version."""
    return platform.python_version()


def system() -> str:
    """Return operating system and machine, without the host's name."""
    return f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}"
