"""A package with the entry point `gexbench.cards` is found, listed, checked and run once it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parent / "gexbench_demo"
ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the demo package was installed into by pip, without a network."""
    pytest.importorskip("hatchling", reason="hatchling builds the demo package: pip install -e .[dev]")
    target = tmp_path_factory.mktemp("site-packages") / "site-packages"
    flags = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--target", str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, str(SOURCE)],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Run `gexbench … --json` with the package on the path; returns what it prints."""

    def command(*words: str, code: int = 0) -> Any:
        path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        done = subprocess.run(
            [sys.executable, "-m", "gexbench", *words, "--json"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return command


def test_its_cards_are_listed_among_the_others(run: Run) -> None:
    listed = run("list")
    assert "demo/flat" in [card["name"] for card in listed["attacks"]]
    assert "demo/dim" in [card["name"] for card in listed["defenses"]]
    assert "srresnet" in [card["name"] for card in listed["attacks"]]


def test_it_leaves_no_trace_where_it_is_not_installed(tmp_path: Path) -> None:
    from gexbench.cards.catalog import Catalog
    from gexbench.cards.schema import AttackCard

    assert "demo/flat" not in Catalog.load().all(AttackCard)


def test_an_option_it_does_not_have_is_refused_by_name(run: Run) -> None:
    told = run("run", "--task", "sr", "--attack", "demo/flat", "--set", "question=2", code=2)
    assert told["hint"] == "did you mean questions?"


def test_its_attack_runs_against_its_defense(run: Run) -> None:
    words = ["--attack", "demo/flat", "--defense", "demo/dim", "--budget", "4", "--set-defense", "share=0.5"]
    record = run("run", "--task", "sr", *words)
    assert record["status"] == "ok"
    assert record["incidents"] == []
    assert record["account"]["answered"] == 4
    assert set(record["plan"]["plug_ins"]) == {"attack", "defense"}
    assert record["plan"]["defense_options"] == {"share": 0.5}
    assert {cost["metric"] for cost in record["honest_cost"]} >= {"psnr-rgb"}


@pytest.mark.slow
def test_it_passes_its_check(run: Run, site: Path) -> None:
    told = run("check", str(site / "gexbench_demo" / "cards"))
    assert told["passed"]
    assert {line["subject"] for line in told["checks"]} == {"demo/flat", "demo/dim"}
