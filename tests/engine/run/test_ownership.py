"""Ownership as a stage of a run: what a defense concludes is asked for, bounded, and judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gexbench
from gexbench.engine.kinds.evidence import Exhibits
from gexbench.engine.run import ownership
from gexbench.engine.run.innocents import Model, Shown
from gexbench.engine.run.ownership import KEPT, Court, judging, keep_trial, trial_digest, tried
from gexbench.engine.run.sides import Journal
from gexbench.engine.sandbox.rules import support
from gexbench.engine.service.defense import Guard
from gexbench.engine.wire.guarding import Judge, StartDefense
from gexbench.engine.wire.image_file import StoredImages, store_images
from gexbench.errors import RunFailed
from gexbench.ownership import Scored
from gexbench.record import RunRecord

from ..toy_orders import quiet

CHEATS = Path(__file__).resolve().parents[2] / "cheats"
GREY = torch.full((3, 16, 16), 100, dtype=torch.uint8)
RED = GREY + torch.tensor([24, 0, 0], dtype=torch.uint8)[:, None, None]


def order(name: str, **options: str) -> StartDefense:
    return StartDefense(entry=f"claimers:{name}", code=CHEATS, options=options, device="cpu", threads=1)


def exhibits(suspect: Tensor = RED) -> Exhibits:
    return Exhibits((GREY,) * 2, (suspect,) * 2, (GREY,) * 2, (RED,) * 2, (GREY,) * 2)


NOBODY = Shown()


def verdict(name: str, folder: Path, suspect: Tensor = RED, innocents: Shown = NOBODY, **options: str) -> Any:
    shown = exhibits(suspect)
    with judging(f"cheat/{name}", order(name, **options), None, Journal(quiet)) as guard:
        return tried(Court(guard, folder, quiet), shown, shown.suspect, innocents)


def shown(*levels: int) -> Shown:
    models = (Model(f"{i:064x}", f"grey {level}", (GREY + level,) * 2) for i, level in enumerate(levels))
    return Shown(tuple(models), "as they come")


def test_who_answers_as_the_marked_answers_do_is_detected_and_nobody_else(tmp_path: Path) -> None:
    guilty, other = verdict("Reddener", tmp_path), verdict("Reddener", tmp_path, GREY)
    assert (guilty.sane, guilty.detected, guilty.suspect.p) == (True, True, 1e-6)
    assert (other.sane, other.detected, other.suspect.score) == (True, False, 0.0)
    assert guilty.suspect.figures == {"questions": 2.0}
    assert guilty.outputs == 2


def test_innocents_set_the_threshold_and_stand_in_the_verdict_by_digest(tmp_path: Path) -> None:
    told = verdict("Reddener", tmp_path, innocents=shown(3, 0, 1))
    assert [each.made for each in told.innocents] == ["grey 3", "grey 0", "grey 1"]
    assert told.threshold == pytest.approx(3 / 24)
    assert (told.rank_p, told.detected, told.note) == (1 / 4, True, "as they come")


def test_a_suspect_that_is_no_better_than_an_innocent_is_not_detected(tmp_path: Path) -> None:
    told = verdict("Reddener", tmp_path, GREY + 12, shown(12, 0, 1))
    assert told.suspect.p == 1e-6
    assert not told.detected


def test_a_defense_that_finds_everybody_guilty_convinces_nobody(tmp_path: Path) -> None:
    told = verdict("Accuser", tmp_path)
    assert not told.sane
    assert not told.detected


def test_a_defense_is_shown_all_models_under_one_name_in_an_order_that_says_nothing(tmp_path: Path) -> None:
    seen: list[tuple[Path, int]] = []

    class Watched(Guard):
        def __init__(self) -> None:
            pass

        def claim(self, order: Judge) -> Scored:
            seen.append((order.outputs, int(StoredImages(order.outputs)[0][0, 0, 0] * 255)))
            return Scored(score=0.0)

    court = Court(Watched(), tmp_path, quiet)
    models = {str(level): (GREY + level,) for level in range(40)}
    found = court.scores(exhibits(), models)
    assert found.keys() == models.keys()
    assert len({name for name, _ in seen}) == 1
    assert sorted(level for _, level in seen) != [level for _, level in seen]


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("judges with a break", "claim of the defense 'cheat/Misclaimer' raised KeyError: 'no'"),
        ("judges in words", "claim of the defense 'cheat/Misclaimer' returned str, not a Claim"),
        ("judges without end", "returned a claim with score = inf: Input should be a finite number"),
        ("judges above one", "returned a claim with p = 1.5"),
        ("tells too much", "returned a claim with figures"),
    ],
)
def test_a_claim_that_is_none_fails_the_run_and_names_defense_and_moment(way: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        verdict("Misclaimer", tmp_path, way=way)
    assert told in str(caught.value)


@pytest.mark.parametrize(("way", "many"), [("asks nothing", 2), ("asks for ever", 1024), ("", 2)])
def test_suspects_are_asked_something_and_not_too_much(way: str, many: int, tmp_path: Path) -> None:
    store_images(tmp_path / "asked.safetensors", [GREY])
    with judging("x", order("Misclaimer", way=way), None, Journal(quiet)) as guard:
        asked = Court(guard, tmp_path, quiet).chosen(tmp_path / "asked.safetensors", [GREY, RED])
    assert len(asked) == many
    assert torch.equal(asked[1], RED)


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("asks what is no image", "returned torch.float32 (5,) among the questions"),
        ("asks with a break", "raised LookupError: none"),
    ],
)
def test_questions_that_are_none_fail_the_run_too(way: str, told: str, tmp_path: Path) -> None:
    store_images(tmp_path / "asked.safetensors", [GREY])
    with judging("x", order("Misclaimer", way=way), None, Journal(quiet)) as guard:
        court = Court(guard, tmp_path, quiet)
        with pytest.raises(RunFailed, match="questions of the defense 'x'") as caught:
            court.chosen(tmp_path / "asked.safetensors", [GREY, RED])
    assert told in str(caught.value)


def test_a_card_that_says_claims_and_a_class_that_has_none_do_not_go_together(tmp_path: Path) -> None:
    with (
        pytest.raises(RunFailed, match="its card says that it claims, and its class has no such method"),
        judging("x", order("Mute"), None, Journal(quiet)),
    ):
        pass


def test_all_models_of_a_trial_share_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "JUDGED_WITHIN", -1.0)
    with pytest.raises(RunFailed, match="claim of the defense 'cheat/Reddener' had not judged 3 models after -1 s"):
        verdict("Reddener", tmp_path)


def test_the_control_that_is_the_victim_is_the_suspect_of_its_own_defense(run: Run) -> None:
    told = run("reddener", attack="victim").ownership
    assert told is not None
    assert told.suspect == told.marked
    assert told.detected


def test_what_is_kept_of_a_trial_has_a_digest_that_tells_an_edit(tmp_path: Path) -> None:
    told = keep_trial(tmp_path / "trial", exhibits())
    files = sorted(path.name for path in (tmp_path / "trial").iterdir())
    assert files == sorted(f"{name}.safetensors" for name in KEPT)
    store_images(tmp_path / "trial" / "suspect.safetensors", [GREY])
    assert trial_digest(tmp_path / "trial") != told


Run = Callable[..., RunRecord]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no innocents but those of a test."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    def against(defense: str | None, isolation: Any = "none", attack: str = "thief", **options: str) -> RunRecord:
        return gexbench.run(
            "cheat/quick",
            attack if attack == "victim" else f"cheat/{attack}",
            out=tmp_path_factory.getbasetemp() / "ownership",
            isolation=isolation,
            registry=(CHEATS,),
            defense=defense and f"cheat/{defense}",
            defense_options=options,
        )

    return against


def test_a_run_ends_with_what_its_defense_concludes_of_its_surrogate(run: Run) -> None:
    record = run("reddener", "auto")
    told = record.ownership
    assert told is not None
    assert told.sane
    assert told.detected
    assert (told.outputs, told.asked) == (6, 2)
    assert told.suspect.figures == {"questions": 6.0}
    assert told.note.startswith("rank p needs innocents, 99 for 1 %; with 1 it is 0.5 at least: gexbench inn")
    assert [each.made for each in told.innocents] == ["the victim srgan-mini"]
    assert record.account.answered == 16
    assert record.incidents == ()
    assert run("reddener", "none").ownership == told


@pytest.mark.skipif(support().landlock_abi < 1, reason="this system has no Landlock")
def test_a_defense_that_judges_sees_what_it_is_shown_and_nothing_of_the_run(run: Run) -> None:
    record = run("prier", "auto")
    assert record.status == "ok", record.reason
    told = record.ownership
    assert told is not None
    assert told.detected
    assert told.suspect.figures == dict.fromkeys(("reads", "seen", "remembers", "lists", "writes"), 0.0)


def test_a_question_that_the_service_refuses_fails_the_run(run: Run) -> None:
    record = run("misclaimer", way="asks what the service refuses")
    assert record.status == "failed"
    assert record.reason.startswith("questions of the defense 'cheat/misclaimer' returned what the service refuses")
    assert record.ownership is None


def test_a_run_without_a_claim_has_no_verdict(run: Run) -> None:
    assert run("spoiler", attack="asker").ownership is None
