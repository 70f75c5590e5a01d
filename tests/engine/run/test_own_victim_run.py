"""A run on a victim of the user's own, from its file to a record."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_victim_factory import Draw, Enlarge, save_script
from torch import Tensor, nn

import gexbench
from gexbench import bench
from gexbench.boards.accept import objections
from gexbench.cards.board import BoardCard
from gexbench.cards.catalog import Catalog
from gexbench.errors import AssetMissing, CardError, GexbenchError, PlanError
from gexbench.plan import Request
from gexbench.record import RunRecord
from gexbench.verification import current_plan

SHORT = {"steps": 2, "batch": 4}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_script(Enlarge(), tmp_path_factory.mktemp("own") / "net.pt")


@pytest.fixture(scope="module")
def record(file: Path, tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    runs = tmp_path_factory.mktemp("runs")
    return gexbench.run("sr", "srresnet", victim=str(file), out=runs, options=SHORT, budget="25%")


def test_a_torchscript_file_is_asked_scored_and_recorded(record: RunRecord) -> None:
    assert (record.status, record.incidents) == ("ok", ())
    assert record.account.answered == 128
    assert (record.plan.victim.name, record.plan.victim.backend) == ("own/net", "torchscript")
    assert {s.compare for s in record.scores} == {"A", "B", "C"}


def test_its_record_stands_on_no_board_that_ships(record: RunRecord) -> None:
    (why,) = objections(record, Catalog.load().get(BoardCard, "sr"))
    assert why == "its victim 'own/net' is somebody's own, and boards that ship rank their own victims alone"


def test_a_service_that_draws_may_be_ones_own_and_is_said_in_a_plan(tmp_path: Path) -> None:
    file = save_script(Draw(), tmp_path / "draw.pt")
    _, plan = bench.prepare(Request("latent-fidelity", "sngan", victim=str(file)))
    assert (plan.victim.task_kind, plan.victim.scale, plan.victim.dataset) == ("sampling", 1, plan.dataset.name)


def refused(victim: Path, task: str = "sr", attack: str = "bicubic", **more: str) -> str:
    with pytest.raises(GexbenchError) as error:
        gexbench.run(task, attack, victim=str(victim), out=victim.parent / "runs", **more)
    assert "\n" not in str(error.value)
    assert not [*victim.parent.glob("runs/*/record.json")]
    return f"{type(error.value).__name__}: {error.value}"


def test_what_does_not_answer_as_the_task_wants_is_refused_before_the_first_question(tmp_path: Path) -> None:
    signed = save_script(Enlarge(2.0, -1.0), tmp_path / "signed.pt")
    assert "PlanError: victim 'own/signed' answers with values from -1 to 0.989, not from 0 to 1" in refused(signed)


class Tiring(nn.Module):
    """Answer so many questions as a network should, and then with NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 60

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        y = nn.functional.interpolate(x, scale_factor=4.0, mode="nearest")
        return y if self.left > 0 else y / 0.0


def test_one_that_breaks_while_it_is_asked_ends_the_run_in_a_record_and_leaves_the_ledger_whole(tmp_path: Path) -> None:
    file = save_script(Tiring(), tmp_path / "net.pt")
    record = gexbench.run("sr", "srresnet", victim=str(file), out=tmp_path / "runs", options=SHORT, budget="25%")
    assert record.status == "failed"
    assert "victim 'own/net' answered with values that are not finite" in record.reason
    assert record.account.answered < 60
    assert record.account.budget == 128


def test_a_file_that_changes_while_a_run_starts_is_refused(tmp_path: Path) -> None:
    file = save_script(Enlarge(), tmp_path / "net.pt")
    catalog, plan = bench.prepare(Request("sr", "bicubic", victim=str(file)))
    save_script(Enlarge(0.5), file)
    with pytest.raises(AssetMissing, match="is not the file of victim 'own/net'"):
        bench.run_plan(plan, catalog, tmp_path / "runs", bench.quiet)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request("latent-fidelity", "discriminator-rejection"), "needs the knowledge 'discriminator'"),
        (Request("latent-fidelity", "partial-real"), "needs the knowledge 'partial-real'"),
        (Request("latent-fidelity", "perfect-copy"), "needs the knowledge 'weights'"),
        (Request("latent-fidelity", "sngan", "fingerprint"), "works on the victim's weights"),
    ],
)
def test_more_than_answers_cannot_be_had_of_it(request_: Request, why: str, tmp_path: Path) -> None:
    from dataclasses import replace

    file = save_script(Draw(), tmp_path / "draw.pt")
    with pytest.raises(PlanError, match=why):
        bench.prepare(replace(request_, victim=str(file)))


def test_a_victim_in_the_folder_of_an_attack_which_could_read_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('[attack]\nname = "me/mine"\nsummary = "M."\nentry = "mine:M"\n')
    (tmp_path / "mine.py").write_text("class M: ...")
    file = save_script(Enlarge(), tmp_path / "net.pt")
    with pytest.raises(PlanError, match="the folder of a plug-in"):
        bench.prepare(Request("sr", str(tmp_path), victim=str(file)))


def test_a_plan_of_its_goes_on_where_the_file_is_named_again(file: Path, tmp_path: Path) -> None:
    _, plan = bench.prepare(Request("sr", "bicubic", victim=str(file)))
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    assert bench.prepare_file(tmp_path / "plan.json", (), str(file))[1].id == plan.id
    with pytest.raises(PlanError, match="no victim named 'own/net'") as refused:
        bench.prepare_file(tmp_path / "plan.json")
    assert "your own victim --victim" in refused.value.hint


def test_a_record_of_its_is_run_again_where_the_file_is_named_and_is_the_same(record: RunRecord, file: Path) -> None:
    catalog = Catalog.load()
    bench.adopt_victim(str(file), record.plan, catalog)
    assert current_plan(record.plan, catalog).id == record.plan.id
    bench.adopt_victim(None, record.plan, Catalog.load())
    other = save_script(Enlarge(), file.with_name("other.pt"))
    with pytest.raises(PlanError, match=r"is of victim 'own/net', and .* is called 'own/other'"):
        bench.adopt_victim(str(other), record.plan, Catalog.load())


def test_two_victims_of_one_name_are_refused_in_one_catalog(tmp_path: Path) -> None:
    catalog = Catalog.load()
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    request = Request("sr", "bicubic", victim=str(save_script(Enlarge(), tmp_path / "a" / "net.pt")))
    assert bench.name_victim(request, catalog).victim == bench.name_victim(request, catalog).victim == "own/net"
    with pytest.raises(CardError, match="declared twice"):
        bench.name_victim(Request("sr", "x", victim=str(save_script(Enlarge(0.5), tmp_path / "b" / "net.pt"))), catalog)
