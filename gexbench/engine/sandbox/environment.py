"""The folders and environment variables that a child process is given."""

from __future__ import annotations

import os
import site
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3]
_OWN_FOLDERS = {
    "HOME": ".home",
    "TMPDIR": ".tmp",
    "XDG_CACHE_HOME": ".home/cache",
    "XDG_CONFIG_HOME": ".home/config",
    "MPLCONFIGDIR": ".home/matplotlib",
    "TORCH_HOME": ".home/torch",
    "TORCHINDUCTOR_CACHE_DIR": ".home/inductor",
}
_LANGUAGE = ("PATH", "LANG", "LANGUAGE", "TZ")
_LIBRARIES = ("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
_CUDA = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG")
# glibc: keep freed memory, else every step of a training fetches its megabytes anew, by page faults
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}
_PASSED_ON = frozenset((*_LANGUAGE, *_LIBRARIES, *_CUDA))


def furnish(folder: Path) -> None:
    """Make the folders for what a child's libraries keep in a home or as temporary files."""
    for name in _OWN_FOLDERS.values():
        (folder / name).mkdir(parents=True, exist_ok=True)


def environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return a child's variables: few of ours, everything personal inside its folder, `extra` on top.

    A PYTHONPATH in `extra` goes before ours, and gexbench itself is always found.
    """
    passed = {key: value for key, value in os.environ.items() if key in _PASSED_ON or key.startswith("LC_")}
    own = {key: str(folder.absolute() / name) for key, name in _OWN_FOLDERS.items()}
    nobody = {"USER": "nobody", "LOGNAME": "nobody"}  # who asks for a name must not need /etc/passwd
    return {**passed, **MEMORY, **own, **nobody, **extra, **_import_settings(extra.get("PYTHONPATH", ""))}


def _import_settings(first: str) -> dict[str, str]:
    settings = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "JOBLIB_MULTIPROCESSING": "0"}
    if site.ENABLE_USER_SITE:
        settings["PYTHONUSERBASE"] = site.getuserbase()  # else it would follow HOME
    else:
        settings["PYTHONNOUSERSITE"] = "1"
    installed = {os.path.realpath(entry) for entry in site.getsitepackages()}
    entries = [*first.split(os.pathsep), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    entries += [] if str(SOURCE) in installed else [str(SOURCE)]
    paths = dict.fromkeys(os.path.abspath(entry) for entry in entries if entry)
    return {**settings, "PYTHONPATH": os.pathsep.join(paths)} if paths else settings
