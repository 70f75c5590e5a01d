"""What a folder holds is read, fitted to a task and looked at, as far as it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import AttackCard, TaskCard
from gexbench.engine.checks import plug_in
from gexbench.engine.checks.plug_in import check_folder
from gexbench.engine.checks.small_runs import Finding, Inspected
from gexbench.engine.wire.inspecting import Claim
from gexbench.errors import CardError, PlanError
from gexbench.plan import Plan, Request

from ..toy_orders import catalog


def submission(folder: Path, role: str = "attack", **keys: str) -> Path:
    """Write a submission's card; a key's value is TOML."""
    values = {"name": '"me/mine"', "summary": '"Mine."', "entry": '"code:Mine"', **keys}
    folder.mkdir(exist_ok=True)
    (folder / "card.toml").write_text(f"[{role}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))
    return folder


class Stand:
    """Stands in for the child that looks and for the small runs, and remembers what was planned."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.claims = [Claim(what="imports", right=True, detail="it imports")]
        self.run: list[str] = []

    def prepare(self, request: Request) -> tuple[Catalog, Plan]:
        self.requests.append(request)
        return bench.prepare(request)

    def inspect(self, order: object, folder: Path) -> list[Claim]:
        assert folder.parent.is_dir()
        return self.claims

    def runs(self, what: str) -> Callable[[Inspected], Iterator[Finding]]:
        def run(inspected: Inspected) -> Iterator[Finding]:
            self.run.append(f"{what} {inspected.subject.name}")
            yield inspected.finding(what, True, "fine")

        return run


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    made = Stand()
    monkeypatch.setattr(plug_in, "inspect", made.inspect)
    monkeypatch.setattr(plug_in, "attack_runs", made.runs("attack"))
    monkeypatch.setattr(plug_in, "defense_runs", made.runs("defense"))
    return made


def lines(folder: Path, stand: Stand) -> list[tuple[str, bool]]:
    return [(found.what, found.passed) for found in check_folder(folder, stand.prepare)]


FINE = [("card", True), ("plan", True), ("imports", True)]


@pytest.mark.parametrize("role", ["attack", "defense"])
def test_a_submission_is_read_planned_looked_at_and_run(tmp_path: Path, stand: Stand, role: str) -> None:
    folder = submission(tmp_path / "mine", role)
    assert lines(folder, stand) == [*FINE, (role, True)]
    assert stand.run == [f"{role} me/mine"]


def test_what_is_wrong_when_it_is_looked_at_is_never_run(tmp_path: Path, stand: Stand) -> None:
    stand.claims = [Claim(what="imports", right=False, detail="SyntaxError")]
    assert lines(submission(tmp_path / "mine"), stand) == [("card", True), ("plan", True), ("imports", False)]
    assert stand.run == []


@pytest.mark.parametrize("error", [PlanError("does not fit", "change it"), CardError("does not fit", "change it")])
def test_what_does_not_fit_is_told_with_the_way_out_and_not_looked_at(
    tmp_path: Path, stand: Stand, error: PlanError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(request: Request) -> tuple[Catalog, Plan]:
        raise error

    found = list(check_folder(submission(tmp_path / "mine"), prepare))
    assert found[-1] == Finding("me/mine", "plan", False, "does not fit; change it")
    assert [each.what for each in found] == ["card", "plan"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"sumary": '"x"'}, "card.toml: sumary: Extra inputs are not permitted; did you mean summary"),
        ({"name": '"mine"'}, "the name 'mine' needs a namespace, such as yourname/mine"),
    ],
)
def test_a_broken_card_is_all_that_is_told(tmp_path: Path, stand: Stand, keys: dict[str, str], told: str) -> None:
    folder = submission(tmp_path / "mine", **keys)
    (found,) = check_folder(folder, stand.prepare)
    assert (found.subject, found.what, found.passed) == (str(folder), "card", False)
    assert told in found.detail


def test_a_folder_without_cards_is_told_so(tmp_path: Path, stand: Stand) -> None:
    (found,) = check_folder(tmp_path, stand.prepare)
    assert found.detail == "no card of an attack or a defense lies there"


def test_a_broken_card_of_another_kind_in_the_same_folder_is_told(tmp_path: Path, stand: Stand) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.toml").write_text("name = 3\n")
    (found,) = check_folder(tmp_path, stand.prepare)
    assert "tasks/mine.toml: name: " in found.detail


def asked(tmp_path: Path, stand: Stand, role: str = "attack", **keys: str) -> Request:
    """Return the request that was made for a submission."""
    list(check_folder(submission(tmp_path / "mine", role, **keys), stand.prepare))
    return stand.requests[-1]


def task(request: Request) -> TaskCard:
    return catalog().get(TaskCard, request.task)


@pytest.mark.parametrize("kind", ["image-to-image", "sampling"])
@pytest.mark.parametrize("role", ["attack", "defense"])
def test_the_task_is_of_the_subjects_kind(tmp_path: Path, stand: Stand, role: str, kind: str) -> None:
    request = asked(tmp_path, stand, role, task_kinds=f'["{kind}"]')
    assert task(request).kind == kind
    assert (request.profile, request.device) == ("mini", "cpu")


def test_the_task_grants_what_the_attack_needs(tmp_path: Path, stand: Stand) -> None:
    needs = '["latents", "partial-real", "discriminator"]'
    assert {"latents", "partial-real", "discriminator"} <= set(
        task(asked(tmp_path, stand, task_kinds='["sampling"]', needs=needs)).knowledge
    )


def test_a_task_of_pairs_is_taken_where_there_is_one(tmp_path: Path, stand: Stand) -> None:
    assert task(asked(tmp_path, stand)).truth == "pairs"


def test_a_defense_meets_the_victim_itself(tmp_path: Path, stand: Stand) -> None:
    request = asked(tmp_path, stand, "defense")
    assert catalog().get(AttackCard, request.attack).answers == "victim"
    assert request.defense == str((tmp_path / "mine").resolve())


def test_a_submission_is_asked_for_by_its_folder_and_a_folder_of_cards_by_name(tmp_path: Path, stand: Stand) -> None:
    request = asked(tmp_path, stand)
    assert (request.attack, request.folders) == (str((tmp_path / "mine").resolve()), ())
    (tmp_path / "cards" / "attacks").mkdir(parents=True)
    card: dict[str, Any] = {"name": "me/mine", "summary": "Mine.", "entry": "code:Mine"}
    text = "".join(f'{key} = "{value}"\n' for key, value in card.items())
    (tmp_path / "cards" / "attacks" / "mine.toml").write_text(text)
    assert lines(tmp_path / "cards", stand) == [*FINE, ("attack", True)]
    request = stand.requests[-1]
    assert (request.attack, request.folders) == ("me/mine", ((tmp_path / "cards").resolve(),))


def test_a_kind_that_no_task_is_of_is_told(tmp_path: Path, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plug_in, "PROFILE", "none")
    found = list(check_folder(submission(tmp_path / "mine"), stand.prepare))
    assert found[-1] == Finding(
        "me/mine", "plan", False, "no task is of the kind image-to-image; change task_kinds on the card"
    )
