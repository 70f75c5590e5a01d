"""What each process of a run may touch: its own, and what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.run import isolation
from gexbench.engine.run.isolation import BothConfines, chosen, confines
from gexbench.engine.run.orders import make_orders, private
from gexbench.engine.run.sides import Orders
from gexbench.engine.sandbox.allowlist import within
from gexbench.engine.sandbox.rules import Rules, Support

from ..toy_orders import plan
from .toy_setting import setting


def may_read(rules: Rules, path: Path) -> bool:
    return any(within(str(path.resolve()), str(allowed.resolve())) for allowed in rules.read)


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Orders, BothConfines]:
    """The run's folder, the orders and the confines of a plug-in attack that meets a plug-in defense."""
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    for name in ("attack", "defense"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").touch()
    (tmp_path / "home").mkdir()
    made = setting(tmp_path, plan(defense="jpeg"))
    orders = make_orders(made)
    assert orders.attacker is not None
    defense = orders.service.plan.defense
    assert defense is not None
    mine = {"defense": defense.model_copy(update={"entry": "code:It"})}
    serving = {"plan": orders.service.plan.model_copy(update=mine), "defense_code": tmp_path / "defense"}
    attacking = {"entry": "code:It", "code": tmp_path / "attack"}
    orders = Orders(orders.service.model_copy(update=serving), orders.attacker.model_copy(update=attacking))
    return made.folder.path, orders, confines(made.folder, orders, private(made))


@pytest.mark.parametrize(("abi", "strongest"), [(0, "process"), (1, "landlock"), (7, "landlock")])
def test_the_strongest_isolation_there_is_is_chosen_unless_none_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, abi: int, strongest: str
) -> None:
    monkeypatch.setattr(isolation, "support", lambda: Support(abi, seccomp=False))
    assert chosen("auto") == strongest
    assert chosen("none") == "none"


def test_each_works_in_its_own_folder_and_prints_to_its_own_log(both: tuple[Path, Orders, BothConfines]) -> None:
    run, orders, where = both
    assert orders.attacker is not None
    assert (where.service.folder, where.service.log) == (run / "service", run / "service.log")
    assert (where.attacker.folder, where.attacker.log) == (orders.attacker.workdir, run / "log.txt")
    assert where.service.rules.write == where.attacker.rules.write == ()  # what it writes is its folder alone


def test_the_victims_weights_are_the_services_and_the_brief_is_the_attackers(
    both: tuple[Path, Orders, BothConfines],
) -> None:
    run, orders, where = both
    assert may_read(where.service.rules, orders.service.weights)
    assert not may_read(where.attacker.rules, orders.service.weights)
    assert may_read(where.attacker.rules, run / "brief" / "pool.safetensors")
    assert not may_read(where.service.rules, run / "brief" / "pool.safetensors")


def test_each_reads_the_code_it_runs_and_not_the_others(
    both: tuple[Path, Orders, BothConfines], tmp_path: Path
) -> None:
    _, _, where = both
    assert may_read(where.service.rules, tmp_path / "defense" / "code.py")
    assert not may_read(where.service.rules, tmp_path / "attack" / "code.py")
    assert may_read(where.attacker.rules, tmp_path / "attack" / "code.py")
    assert not may_read(where.attacker.rules, tmp_path / "defense" / "code.py")


@pytest.mark.parametrize("place", ["plan.json", "service/ledger.sqlite", "../two/record.json", "../../home/victims/x"])
def test_neither_reads_other_runs_ledgers_or_homes(both: tuple[Path, Orders, BothConfines], place: str) -> None:
    run, _, where = both
    assert not may_read(where.attacker.rules, run / place)
    assert not may_read(where.service.rules, run / place)


def test_both_read_gexbench_itself(both: tuple[Path, Orders, BothConfines]) -> None:
    _, _, where = both
    assert may_read(where.attacker.rules, Path(isolation.__file__))
    assert may_read(where.service.rules, Path(isolation.__file__))


def test_each_has_a_view_of_what_it_may_touch_alone(both: tuple[Path, Orders, BothConfines]) -> None:
    _, _, where = both
    assert where.service.rules.view
    assert where.attacker.rules.view


def test_the_victim_control_needs_rules_for_its_service_alone(tmp_path: Path) -> None:
    made = setting(tmp_path, plan("sr", "victim"))
    where = confines(made.folder, make_orders(made), private(made))
    assert may_read(where.service.rules, make_orders(made).service.weights)


@pytest.mark.parametrize(("device", "opened"), [("cpu", "cpu"), ("mps", "cpu"), ("cuda", "cuda")])
def test_device_files_are_those_of_the_runs_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, opened: str
) -> None:
    asked: list[str] = []

    def rules(private: object, packages: object, devices: str) -> Rules:
        asked.append(devices)
        return Rules()

    monkeypatch.setattr(isolation, "interpreter_rules", rules)
    made = setting(tmp_path, plan())
    orders = make_orders(made)
    service = orders.service.model_copy(update={"device": device})
    confines(made.folder, Orders(service, orders.attacker), [])
    assert asked == [opened, opened]
