"""Where gexbench keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path


def home() -> Path:
    """Return the folder of weights: GEXBENCH_HOME, else the platform's folder for application data."""
    chosen = os.environ.get("GEXBENCH_HOME")
    return Path(os.path.expanduser(chosen)).absolute() if chosen else user_data_path("gexbench", appauthor=False)


def data_root() -> Path | None:
    """Return the folder of data sets, GEXBENCH_DATA, or None where it is unset."""
    chosen = os.environ.get("GEXBENCH_DATA")
    return Path(os.path.expanduser(chosen)).absolute() if chosen else None


def assets_folder() -> Path:
    """Return the folder of weight files from outside."""
    return home() / "assets"


def features_folder() -> Path:
    """Return the folder of features computed before; it may be deleted at any time."""
    return home() / "features"


def packages_folder() -> Path:
    """Return the folder of data-set files that packages ship, and that were fetched since no package here has them."""
    return home() / "packages"


def victims_folder() -> Path:
    """Return the folder of victims trained here."""
    return home() / "victims"


def endpoints_folder() -> Path:
    """Return the folder of what victims behind addresses answered when they were first seen."""
    return home() / "endpoints"


def pipelines_folder() -> Path:
    """Return the folder of users' pipelines, each packed into one file; it may be deleted when no run is under way."""
    return home() / "pipelines"


def innocents_folder() -> Path:
    """Return the folder of sets of innocents made here."""
    return home() / "innocents"


def prepared_folder() -> Path:
    """Return the folder of what defenses prepared here; it may be deleted at any time."""
    return home() / "prepared"
