"""What is scored is what is kept: surrogates that are more than their class, config and weights gain nothing by it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import gexbench
from gexbench.engine.run import clock
from gexbench.engine.sandbox.rules import support
from gexbench.record import RunRecord

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
Run = Callable[..., RunRecord]
ROUNDING = 1e-12
"""Sums in another order, by how arrays lie in memory, differ by less."""

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


def values(record: RunRecord) -> list[float]:
    return [score.value for score in record.scores]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a cheat by name with options; the run folders are kept for a look."""
    home = tmp_path_factory.mktemp("home")

    def run_cheat(name: str, deadline: float | None = None, isolation: str = "auto", **options: str) -> RunRecord:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GEXBENCH_HOME", str(home))
            return gexbench.run(
                "sr", f"cheat/{name}", out=runs, options=options, budget="8", registry=(CHEATS,), deadline=deadline,
                isolation=isolation,
            )  # type: ignore[arg-type]  # fmt: skip

    return run_cheat


@pytest.fixture(scope="module")
def honest(run: Run) -> RunRecord:
    return run("honest", way="nearest,1.0")


def test_what_only_the_attacks_process_knew_is_not_scored(run: Run, honest: RunRecord) -> None:
    bright, dark = run("global", light="1.0,1"), run("global", light="0.5,1")
    assert (bright.status, dark.status) == ("ok", "ok")
    assert values(bright) == pytest.approx(values(dark), rel=ROUNDING)
    assert bright.surrogate_sha256 == dark.surrogate_sha256
    assert (bright.score("psnr-y", "B") or 0) < (honest.score("psnr-y", "B") or 0) - 10


def test_a_surrogate_that_answers_otherwise_once_it_is_built_anew_is_named(run: Run) -> None:
    record = run("global", light="1.0,0")
    assert (record.status, record.scores) == ("failed", ())
    assert "answers otherwise once it is built anew" in record.reason


def test_surrogates_that_differ_in_class_or_weights_have_digests_of_their_own(run: Run, honest: RunRecord) -> None:
    others = [run("honest", way=way) for way in ("other,1.0", "nearest,0.5")]
    assert len({record.surrogate_sha256 for record in (honest, *others)}) == 3


def test_the_surrogate_of_a_run_comes_back_as_it_answered(
    run: Run, honest: RunRecord, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cheats"]:
        monkeypatch.delitem(sys.modules, name)  # of runs without a sandbox that other files of tests made
    folder = next(runs.glob(f"*cheat.honest*{honest.id[:8]}"))
    loaded = gexbench.load_surrogate(folder, code=CHEATS)
    assert torch.equal(loaded(torch.ones(1, 3, 2, 2)), torch.ones(1, 3, 8, 8))
    assert load_file(folder / "surrogate" / "model.safetensors").keys() == {"gain"}
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".away")) == []


def test_an_object_without_weights_is_built_from_its_class_and_config(run: Run, honest: RunRecord) -> None:
    record = run("unkept", way="callable")
    assert values(record) == pytest.approx(values(honest), rel=ROUNDING)


@pytest.mark.parametrize(
    ("way", "isolation", "reason"),
    [
        (
            "closure",
            "auto",
            "returned a surrogate that cannot be kept: its class 'builtins:function' cannot be imported",
        ),
        ("deep", "auto", "returned a surrogate that cannot be kept: Nearest.config is not JSON"),
        (
            "other",
            "auto",
            "the surrogate cannot be built anew from its class, config and weights: Nearest(**config) ",
        ),
        ("written", "auto", "its class hidden:Hidden cannot be imported"),
        ("beyond", "auto", "the surrogate returned values from -1"),
        ("local", "none", "returned a surrogate that cannot be kept: its class 'surrogates:Unkept.extract.<locals>"),
        (
            "other",
            "none",
            "the surrogate cannot be built anew from its class, config and weights: Nearest(**config) ",
        ),
    ],
)
def test_a_surrogate_that_cannot_be_kept_or_built_has_no_score(run: Run, way: str, isolation: str, reason: str) -> None:
    record = run("unkept", way=way, isolation=isolation)
    assert (record.status, record.scores) == ("failed", ())
    assert reason in record.reason
    assert len(record.reason.splitlines()) == 1


@sandboxed
@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("huge", "its model.safetensors takes 33,285,996,544 bytes"),
        ("zero", "its model.safetensors is not safetensors"),
        ("deep", "its config.json is not JSON"),
        ("link", "no weights were kept"),
    ],
)
def test_what_is_left_in_place_of_a_surrogate_is_refused(run: Run, way: str, reason: str) -> None:
    record = run("rewriter", way=way)
    assert (record.status, record.scores) == ("failed", ())
    assert reason in record.reason


@sandboxed
def test_a_surrogate_finds_nothing_of_its_attack_and_is_named(run: Run, honest: RunRecord) -> None:
    record = run("prier")
    assert values(record) == pytest.approx(values(honest), rel=ROUNDING)
    for place in ("/notes", "brief/pool.safetensors", "plan.json", "service/ledger.sqlite"):
        assert any(text.endswith(place) and "tried to read" in text for text in record.incidents), record.incidents


def test_a_surrogate_that_hangs_while_it_is_built_is_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "AT_LEAST", 3.0)
    record = run("sleeper", deadline=3.0)
    assert (record.status, record.scores) == ("failed", ())
    assert "the surrogate had not been built anew" in record.reason
