"""What the tests of a device share: the device, and the page that is printed and written when they have ended.

python -m pytest -m gpu tests/gpu

GEXBENCH_PAGE names the folder for gpu-page.json and gpu-page.txt, by default the current one. GEXBENCH_PAGE_DEVICE=cpu
does all of it on the CPU instead, to try the tests themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gexbench.engine.machine import hardware, provenance
from gpu.page import Page

DEVICE = os.environ.get("GEXBENCH_PAGE_DEVICE", "cuda")
PAGE = pytest.StashKey[Page]()


@pytest.fixture(scope="session")
def device() -> str:
    """The device that is held against the CPU."""
    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return DEVICE


@pytest.fixture(scope="session")
def page(pytestconfig: pytest.Config, device: str) -> Page:
    """What is printed at the end."""
    if PAGE not in pytestconfig.stash:
        name = torch.cuda.get_device_name() if device == "cuda" else hardware.processor()
        chosen = hardware.choose(device, autocast=True)
        facts = {"device": name, "kind": device, "precision": chosen.precision, "cores": os.cpu_count()}
        pytestconfig.stash[PAGE] = Page({**facts, "torch": torch.__version__, "platform": provenance.system()})
    return pytestconfig.stash[PAGE]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let benchmarks be imported."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the number of threads as it was."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the page and write it."""
    if PAGE in config.stash:
        terminalreporter.write_line(config.stash[PAGE].text())
        config.stash[PAGE].write(Path(os.environ.get("GEXBENCH_PAGE", ".")))
