"""Defenses that cheat are stopped, named, or measured as what they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gexbench
from gexbench.cards.roots import packaged_root
from gexbench.engine.run import clock
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.sandbox.rules import support
from gexbench.errors import RunFailed
from gexbench.record import RunRecord

from ..processes import HANG

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
BUDGET = 16
Run = Callable[..., RunRecord]

sandboxed = pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the asker against a defense by name, with options of the defense; `batch`: of the attack."""

    def against(name: str | None, batch: int = 8, isolation: Any = "auto", **options: str) -> RunRecord:
        return gexbench.run(
            "cheat/quick",
            "cheat/asker",
            out=tmp_path_factory.getbasetemp() / "runs",
            budget=str(BUDGET),
            isolation=isolation,
            registry=(CHEATS,),
            options={"batch": batch},
            defense=name and f"cheat/{name}",
            defense_options=options,
        )

    return against


@pytest.fixture(scope="module")
def undefended(run: Run) -> RunRecord:
    return run(None)


@pytest.fixture(scope="module")
def spoiled(run: Run) -> RunRecord:
    """A defense that spoils every answer: what no cheat may look better than."""
    return run("spoiler")


def cost(record: RunRecord) -> float:
    """Return what the record says honest users lose: the worse of the two places where it says so, in dB."""
    return min(c.value for c in (*record.honest_cost, *record.queried_cost) if c.metric == "psnr-rgb")


def test_a_defense_that_spares_who_has_paid_for_nothing_spoils_the_test_like_all_else(
    run: Run, spoiled: RunRecord
) -> None:
    record = run("watched", way="history")
    assert cost(spoiled) < 10
    assert max(c.value for c in record.honest_cost if c.metric == "psnr-rgb") < 15


@pytest.mark.parametrize("batch", [1, 8])
def test_no_way_to_look_for_the_test_finds_it(run: Run, batch: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert cost(run("watched", batch=batch, way="all")) < 15
    runs = (tmp_path_factory.getbasetemp() / "runs").glob("*watched*/plan.json")
    wanted = {"batch": batch}
    folder = next(p.parent for p in runs if "all" in p.read_text() and json.loads(p.read_text())["options"] == wanted)
    verdicts = json.loads(next(folder.glob("defense/*/verdicts.json")).read_text())
    tests, clients = ([v for v in verdicts if v["test"] is test] for test in (True, False))
    assert (len(tests), len(clients)) == (4, BUDGET)
    for way in verdicts[0].keys() - {"test"}:
        assert not all(v[way] for v in tests) or all(v[way] for v in clients), way


def test_a_defense_that_knows_the_tests_images_is_measured_on_the_attacks_own_questions(
    run: Run, spoiled: RunRecord
) -> None:
    record = run("watched", way="sight")
    assert [c.value for c in record.honest_cost] == [float("inf")]
    assert [c.n for c in record.queried_cost] == [BUDGET]
    assert record.queried_cost == spoiled.queried_cost


def test_what_a_defense_replaces_it_replaces_for_itself_alone(run: Run, undefended: RunRecord) -> None:
    record = run("patcher")
    assert record.scores == undefended.scores
    assert all(c.value == float("inf") for c in (*record.honest_cost, *record.queried_cost) if c.metric == "psnr-rgb")


@sandboxed
def test_a_burglar_finds_no_weights_no_ledger_and_no_test(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    import sklearn.datasets

    base = tmp_path_factory.getbasetemp()
    weights = next((packaged_root().path / "weights").glob("*.safetensors"))
    photo = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
    record = run("burglar", weights=str(weights), data=str(photo), outside=str(base / "outside.txt"))
    assert record.status == "ok"
    found = json.loads(next((base / "runs").glob("*burglar*/defense/*/found.json")).read_text())
    assert found.pop("weights in memory") == "refused: LookupError"
    assert len(found) == 10
    assert set(found.values()) <= {f"refused: {name}" for name in ("PermissionError", "FileNotFoundError", "OSError")}
    assert not (base / "outside.txt").exists()


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("exits", "ended early: its process has gone"),
        ("sys.exit", "ended early: its process has gone"),
        ("garbage", "sent 18446744073709551615 bytes, more than"),
        ("huge", "bytes, more than"),
    ],
)
def test_a_defense_that_answers_with_nothing_of_use_fails_the_run_by_its_name(run: Run, way: str, told: str) -> None:
    record = run("ending", way=way)
    assert (record.status, record.account.answered, record.scores) == ("failed", 0, ())
    assert record.reason.startswith("guard_output of the defense 'cheat/ending' ")
    assert told in record.reason


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("nan", "returned values from nan to nan"),
        ("shape", "not floats of"),
        ("truths", "returned torch.bool"),
        ("complex", "returned torch.complex64"),
        ("raises", "raised ZeroDivisionError: no"),
    ],
)
def test_what_is_no_image_fails_the_run_in_one_process_too(run: Run, way: str, told: str) -> None:
    record = run("ending", way=way, isolation="none")
    assert (record.status, record.account.answered) == ("failed", 0)
    assert told in record.reason


@pytest.mark.parametrize("way", ["hangs", "drips"])
def test_a_defense_that_hangs_is_waited_for_no_longer_than_an_answer_may_take(
    run: Run, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "GUARDED_WITHIN", 3.0)
    record = run("ending", way=way)
    assert record.status == "failed"
    assert record.reason == "guard_output of the defense 'cheat/ending' had not answered after 3 s"


@sandboxed
def test_a_child_that_a_defense_leaves_behind_is_killed_and_named(
    run: Run, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "STOPPED_WITHIN", HANG)
    record = run("ending", way="children")
    assert record.incidents == ("the defense left 1 process(es) behind, killed",)
    pid = next((tmp_path_factory.getbasetemp() / "runs").glob("*ending*/defense/*/child.pid"))
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_code_hidden_in_a_hardened_network_never_answers(run: Run, undefended: RunRecord) -> None:
    record = run("trojan", way="object")
    assert record.status == "ok"
    assert record.scores == undefended.scores
    assert all(c.value == float("inf") for c in (*record.honest_cost, *record.queried_cost) if c.metric == "psnr-rgb")


@pytest.mark.parametrize(
    ("way", "told"),
    [("class", "a spoilers:Hidden, not a "), ("renamed", ", not a "), ("nan", "that are not finite")],
)
def test_a_hardened_network_that_is_not_the_victims_own_is_refused_by_name(run: Run, way: str, told: str) -> None:
    with pytest.raises(RunFailed, match="harden of the defense 'cheat/trojan' returned ") as failed:
        run("trojan", way=way, isolation="none")
    assert told in str(failed.value)


def test_the_same_seed_and_key_give_the_same_answers_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "key", lambda self: bytes(32))
    words: dict[str, Any] = {
        "budget": str(BUDGET), "registry": (CHEATS,), "defense": "gaussian-noise", "options": {"batch": 5}
    }  # fmt: skip
    one, other = (gexbench.run("cheat/quick", "cheat/asker", out=tmp_path / name, **words) for name in ("one", "other"))
    assert one.scores == other.scores
    assert (one.honest_cost, one.queried_cost) == (other.honest_cost, other.queried_cost)
    assert one.queried_cost != ()
