"""Service and attacker in this process: what they raise ends the run as it would across processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.images import from_uint8
from gexbench.core.oracle import Oracle
from gexbench.engine.run.local import LocalAttacker, LocalService, LocalSurrogate
from gexbench.engine.run.sides import Journal
from gexbench.engine.store.victim_weights import weights_path
from gexbench.engine.store.weights import file_sha256
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import AnswerUnmetered, OpenService, Query, Refused
from gexbench.errors import RunFailed

from ..toy_orders import catalog, open_service, plan, start_attack, start_surrogate

X = torch.arange(768).remainder(256).to(torch.uint8).reshape(1, 3, 16, 16)


class Learned(nn.Module):
    latent_size = 6

    def forward(self, x: Tensor) -> Tensor:
        return x if x.shape[-1] == 16 else cast(Tensor, None)


class Reporting:
    """Asks about its pool and reports what it paid."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        answers = oracle.query(torch.stack([*brief.pool]))
        brief.progress("learning", 1, 1)
        self.report = {"paid": oracle.budget - oracle.remaining, "side": answers.shape[-1]}
        return Learned()


class Raising:
    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        raise KeyError("lr")


class Stumbled:
    """Meets a defense that breaks its contract."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        raise RunFailed("the defense 'a/b' raised", "see the log")


@pytest.fixture
def order(tmp_path: Path) -> OpenService:
    made = plan()
    weights = weights_path(made.victim, catalog())
    made = made.model_copy(update={"victim_weights": file_sha256(weights)})
    return open_service(tmp_path, plan=made, weights=weights)


@pytest.fixture
def service(order: OpenService) -> Iterator[LocalService]:
    made = LocalService(order)
    yield made
    made.stop()


class Watched:
    """An attacker beside a service, and what was noted of it."""

    def __init__(self, service: LocalService, attack: type, folder: Path, **changes: Any) -> None:
        store_images(folder / "pool.safetensors", [from_uint8(X[0]), 1 - from_uint8(X[0])])
        self.told: list[str] = []
        self.journal = Journal(lambda what, done, total: self.told.append(f"{what} {done}/{total}"))
        start = start_attack(folder, entry=f"{__name__}:{attack.__name__}", **changes)
        self.side = LocalAttacker(start, service, self.journal)


def test_an_attack_asks_the_service_reports_and_what_it_saves_is_built_and_asked(
    service: LocalService, tmp_path: Path
) -> None:
    watched = Watched(service, Reporting, tmp_path, budget=512)
    watched.side.extract()
    assert watched.journal.report == {"paid": 2, "side": 64}
    assert watched.told == ["learning 1/1"]
    assert service.close().account.answered == 2
    watched.side.save(tmp_path / "kept")
    watched.side.stop()
    surrogate = LocalSurrogate(start_surrogate(tmp_path / "kept"))
    surrogate.build()
    assert surrogate.latent_size == 6
    assert torch.equal(surrogate.infer(X), from_uint8(X))
    surrogate.stop()


def test_what_an_attack_raises_ends_the_run_with_its_name(service: LocalService, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"^the attack raised KeyError: 'lr'$"):
        Watched(service, Raising, tmp_path).side.extract()


def test_a_defense_that_stumbled_is_not_the_attacks_fault(service: LocalService, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"(?m)^the defense 'a/b' raised$") as failed:
        Watched(service, Stumbled, tmp_path).side.extract()
    assert failed.value.hint == "see the log"


def test_a_surrogate_that_answers_no_tensor_ends_the_run(service: LocalService, tmp_path: Path) -> None:
    watched = Watched(service, Reporting, tmp_path, budget=512)
    watched.side.extract()
    watched.side.save(tmp_path / "kept")
    surrogate = LocalSurrogate(start_surrogate(tmp_path / "kept"))
    surrogate.build()
    with pytest.raises(RunFailed, match="surrogate raised TypeError: the surrogate returned NoneType, not a tensor"):
        surrogate.infer(X.repeat(1, 1, 2, 2))


def test_a_surrogate_that_cannot_be_built_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"^the surrogate cannot be built anew .*: its class\.txt cannot be read"):
        LocalSurrogate(start_surrogate(tmp_path)).build()


def test_an_attack_that_has_returned_nothing_has_nothing_to_save(service: LocalService, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="the attack returned no surrogate"):
        Watched(service, Reporting, tmp_path).side.save(tmp_path / "kept")


def test_a_closed_service_answers_the_test_and_no_attack(service: LocalService) -> None:
    account = service.close().account
    assert (account.budget, account.asked) == (512, 0)
    assert isinstance(service.service.ask(Query(x=X)), Refused)
    assert service.unmetered(AnswerUnmetered(x=X)).plain.shape == (1, 3, 64, 64)
    assert service.close().account.refused == 1


def test_a_stopped_service_has_closed_its_ledger(order: OpenService) -> None:
    service = LocalService(order)
    service.stop()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        service.close()
