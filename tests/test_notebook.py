"""A service that is asked by hand has the meter and the ledger of a run, and no record comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from http_service import Reply, as_png, draws, running

import gexbench
from gexbench.errors import BudgetError, EndpointError, OutputError, PlanError, QueryError

CHEATS = Path(__file__).resolve().parent / "cheats"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))


def test_questions_are_metered_kept_and_answered_again_for_nothing(tmp_path: Path) -> None:
    for replayed in (0, 3):
        oracle = gexbench.open_oracle("sr", budget=4, out=tmp_path, isolation="none")
        x = torch.stack([*oracle.pool[:3]])
        answers = oracle.query(x)
        assert (answers.shape, oracle.remaining) == ((3, 3, 96, 96), 1)
        with pytest.raises(BudgetError, match="goes over the budget"):
            oracle.query(torch.stack([*oracle.pool[3:5]]))
        oracle.close()
        oracle.close()
        assert oracle.account is not None
        assert (oracle.account.answered, oracle.account.replayed) == (3, replayed)
        with pytest.raises(QueryError, match="the oracle is closed"):
            oracle.query(x)
    assert "closed: 1 of 4 left" in repr(oracle)
    assert not [*tmp_path.rglob("record.json")]


def test_it_is_a_block_whose_end_closes_it_and_nobody_else_opens_its_folder_meanwhile(tmp_path: Path) -> None:
    with gexbench.open_oracle("latent-fidelity", budget=5, out=tmp_path, isolation="none") as oracle:
        assert oracle.sample(2).images.shape == (2, 3, 32, 32)
        assert oracle.sample(1).latents is None
        with pytest.raises(OutputError, match="another gexbench is running"):
            gexbench.open_oracle("latent-fidelity", budget=5, out=tmp_path, isolation="none")
    assert oracle.account is not None
    assert oracle.account.answered == 3
    assert oracle.bill is None


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="takes no argument 'budjet'"):
        gexbench.open_oracle("sr", budjet=5)  # type: ignore[call-arg]
    with pytest.raises(PlanError, match="the task allows 1 to 512"):
        gexbench.open_oracle("sr", budget=10_000, out=tmp_path)


def test_a_sandboxed_service_over_http_says_what_broke_it_and_what_was_paid(tmp_path: Path) -> None:
    with running() as service:
        with gexbench.open_oracle("cheat/quick", victim=service.url, registry=CHEATS, out=tmp_path) as oracle:
            oracle.query(oracle.pool[0][None, :, :24, :24])
        assert oracle.bill is not None
        paid = oracle.bill.calls
        service.reply = lambda body: as_png(body) if len(service.bodies) <= paid + 4 else Reply(b"", 404)
        again = gexbench.open_oracle("cheat/quick", victim=service.url, registry=CHEATS, out=tmp_path)
        again.query(again.pool[0][None, :, :24, :24])
        assert again.remaining == again.budget - 1
        with pytest.raises(EndpointError, match="refused a question: HTTP 404"), again:
            again.query(again.pool[1][None, :, :24, :24])
        assert again.account is None


def test_a_service_over_http_that_draws_is_asked_for_images_of_the_tasks_side(tmp_path: Path) -> None:
    with (
        running(draws) as service,
        gexbench.open_oracle("latent-fidelity", victim=service.url, out=tmp_path, isolation="none") as oracle,
    ):
        images = oracle.sample(3).images
        assert images.shape == (3, 3, 32, 32)
        assert len({image.sum().item() for image in images}) == 3
