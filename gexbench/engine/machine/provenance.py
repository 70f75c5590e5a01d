"""Where a run comes from: versions, git state, hashes of code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
COMPUTES = ("core", "nets", "training", "datasets", "victims", "attacks", "defenses", "metrics", "extractors", "engine")
LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "lpips", "scikit-image", "scikit-learn", "scipy")


def tree_digest(root: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 over the names and contents of files below `root`."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def code_digest() -> str:
    """Return the hash of the part of gexbench that makes numbers, 16 hex digits."""
    return tree_digest(PACKAGE, [p for folder in COMPUTES for p in (PACKAGE / folder).rglob("*.py")])[:16]


def plug_in_folder(entry: str, code: Path | None) -> Path | None:
    """Return the folder of the code an entry names, found without importing it; None for gexbench's own."""
    top = entry.partition(":")[0].partition(".")[0]
    if top == "gexbench":
        return None
    if code is not None:
        return code
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent if spec.submodule_search_locations else Path(spec.origin).resolve()


def plug_in_digest(folder: Path | None, card: Path) -> str | None:
    """Return the hash of a plug-in's Python and TOML files, 16 hex digits; its card is not code, the plan holds it."""
    if folder is None:
        return None
    if folder.is_file():
        return tree_digest(folder.parent, [folder])[:16]
    files = [path for ending in ("py", "toml") for path in folder.rglob(f"*.{ending}")]
    return tree_digest(folder, [path for path in files if path.resolve() != card.resolve()])[:16]


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
