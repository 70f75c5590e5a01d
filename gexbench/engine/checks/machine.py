"""What a run needs from a machine, and whether it is there."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gexbench.cards.catalog import FOLDERS, Catalog
from gexbench.cards.schema import AssetCard, VictimCard
from gexbench.engine.sandbox.rules import support
from gexbench.engine.store.assets import AssetStore
from gexbench.engine.store.paths import data_root, home
from gexbench.engine.store.victim_weights import weights_path, weights_sha256
from gexbench.errors import GexbenchError


@dataclass(frozen=True)
class Finding:
    """One line: ✓ fine, ! works with less, ✗ must be mended."""

    mark: Literal["✓", "!", "✗"]
    what: str
    found: str
    advice: str = ""


def examine(quick: bool = False) -> list[Finding]:
    """Return the findings in the order a newcomer meets the problems.

    quick: import no torch and read no weights, so that a file counts as well where it lies.
    """
    heavy = (_versions, _victims_here, _assets_here) if quick else (_torch, _victims, _assets)
    torch, victims, assets = heavy
    checks = (torch, _sandbox, _registry, victims, assets, _data, _space)
    return [finding for check in checks for finding in check()]


def _torch() -> Iterator[Finding]:
    """Import torch and torchvision in a child, where a broken pair cannot take this process along."""
    code = "import torch, torchvision; print(torch.__version__, torchvision.__version__, torch.cuda.is_available())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=300)
    if done.returncode == 0:
        torch, vision, cuda = done.stdout.split()
        yield Finding("✓", "torch", f"{torch}, torchvision {vision}, {'CUDA' if cuda == 'True' else 'CPU'}")
    elif "torchvision::nms" in done.stderr:
        yield Finding(
            "✗",
            "torch",
            "torch and torchvision are builds for different devices",
            "install both from one source: pip install --force-reinstall torch torchvision",
        )
    else:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        yield Finding("✗", "torch", f"does not import: {last}", "pip install --force-reinstall torch torchvision")


def _versions() -> Iterator[Finding]:
    """Read the versions that are installed, importing nothing."""
    try:
        torch, vision = (importlib.metadata.version(name) for name in ("torch", "torchvision"))
        yield Finding("✓", "torch", f"{torch}, torchvision {vision}, not imported")
    except importlib.metadata.PackageNotFoundError as error:
        yield Finding("✗", "torch", f"{error.name} is not installed", "install gexbench again")


def _sandbox() -> Iterator[Finding]:
    found = support()
    if found.landlock_abi:
        extra = "with system call filter" if found.seccomp else "without system call filter"
        yield Finding("✓", "sandbox", f"Landlock ABI {found.landlock_abi}, {extra}")
    else:
        yield Finding(
            "!",
            "sandbox",
            "this system has no Landlock: attacks run behind a process boundary alone",
            "run untrusted attacks on Linux 5.13 or later with Landlock enabled",
        )
    if found.view:
        yield Finding("✓", "view", "what an attack may not touch has no name for it")
    else:
        yield Finding(
            "!",
            "view",
            "this system has no user namespaces for its users: an attack can ask for sizes and times of files",
            "sysctl user.max_user_namespaces is above 0, kernel.apparmor_restrict_unprivileged_userns is 0",
        )


def _registry() -> Iterator[Finding]:
    try:
        catalog = Catalog.load()
        count = sum(len(catalog.all(kind)) for kind in FOLDERS)
        yield Finding("✓", "registry", f"{count} cards, all valid")
    except GexbenchError as error:
        yield Finding("✗", "registry", str(error), error.hint)


def _victims() -> Iterator[Finding]:
    return _each_victim(weights_sha256, "")


def _victims_here() -> Iterator[Finding]:
    return _each_victim(weights_path, ", not read")


def _each_victim(look: Callable[[VictimCard, Catalog], object], unseen: str) -> Iterator[Finding]:
    """Yield a line a victim. look: raises GexbenchError for weights that are not as they should be."""
    catalog = Catalog.load()
    for name, filed in catalog.all(VictimCard).items():
        try:
            look(filed.card, catalog)
            yield Finding("✓", "victim", name + unseen)
        except GexbenchError as error:
            yield Finding("✗" if filed.card.weights else "!", "victim", str(error), error.hint)


def _assets() -> Iterator[Finding]:
    return _each_asset(AssetStore().status, "")


def _assets_here() -> Iterator[Finding]:
    place = AssetStore().place
    return _each_asset(lambda card: "present" if place(card).is_file() else "missing", ", not read")


def _each_asset(status: Callable[[AssetCard], str], unseen: str) -> Iterator[Finding]:
    for name, filed in Catalog.load().all(AssetCard).items():
        state = status(filed.card)
        if state == "present":
            yield Finding("✓", "asset", name + unseen)
        else:
            yield Finding(
                "!", "asset", f"{name} is {state}: the metrics that need it are absent", f"gexbench assets fetch {name}"
            )


def _data() -> Iterator[Finding]:
    root = data_root()
    if root is None:
        yield Finding(
            "!", "data", "GEXBENCH_DATA is not set: profile mini only", "set it to the folder of your data sets"
        )
    elif not root.is_dir():
        yield Finding("✗", "data", f"GEXBENCH_DATA names {root}, which is no folder", "correct it")
    else:
        yield Finding("✓", "data", str(root))


def _space() -> Iterator[Finding]:
    for place in dict.fromkeys((Path.cwd(), _existing(home()))):
        free = shutil.disk_usage(place).free / 2**30
        writable = os.access(place, os.W_OK)
        mark: Literal["✓", "!", "✗"] = "✓" if free > 2 and writable else "!"
        yield Finding(mark, "space", f"{free:.0f} GiB free at {place}" + ("" if writable else ", not writable"))


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
