"""What each process of a run may touch: its own, and what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexbench.engine.run import isolation
from gexbench.engine.run.isolation import AllConfines, chosen, confines, preparing_rules, surrogate_confines
from gexbench.engine.run.orders import make_orders, private, surrogate_order
from gexbench.engine.run.run_folder import RunFolder
from gexbench.engine.run.sides import Orders
from gexbench.engine.sandbox.allowlist import within
from gexbench.engine.sandbox.rules import Rules, Support
from gexbench.engine.wire.guarding import Prepare

from ..toy_orders import plan
from .toy_setting import setting


def may_read(rules: Rules, path: Path) -> bool:
    return any(within(str(path.resolve()), str(allowed.resolve())) for allowed in rules.read)


@pytest.fixture
def all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Orders, AllConfines]:
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
    mine = orders.service.plan.model_copy(update={"defense": defense.model_copy(update={"entry": "code:It"})})
    owner = made.folder.path / "service" / "owner.safetensors"
    serving = {"plan": mine, "defense_code": tmp_path / "defense", "owner": owner}
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


def test_each_works_in_its_own_folder_and_prints_to_its_own_log(all_three: tuple[Path, Orders, AllConfines]) -> None:
    run, orders, where = all_three
    assert orders.attacker is not None
    assert where.defense is not None
    assert (where.service.folder, where.service.log) == (run / "service", run / "service.log")
    assert (where.attacker.folder, where.attacker.log) == (orders.attacker.workdir, run / "log.txt")
    assert (where.defense.folder.parent, where.defense.log) == (run / "defense", run / "defense.log")
    assert [each.rules.write for each in (where.service, where.attacker, where.defense)] == [()] * 3  # its folder alone


def test_the_victims_weights_are_the_services_and_the_brief_is_the_attackers(
    all_three: tuple[Path, Orders, AllConfines],
) -> None:
    run, orders, where = all_three
    assert may_read(where.service.rules, orders.service.weights)
    assert not may_read(where.attacker.rules, orders.service.weights)
    assert may_read(where.attacker.rules, run / "brief" / "pool.safetensors")
    assert not may_read(where.service.rules, run / "brief" / "pool.safetensors")


def test_each_reads_the_code_it_runs_and_not_the_others(
    all_three: tuple[Path, Orders, AllConfines], tmp_path: Path
) -> None:
    _, _, where = all_three
    assert where.defense is not None
    for name, theirs in (("attack", where.attacker), ("defense", where.defense)):
        allowed = [
            each
            for each in (where.service, where.attacker, where.defense)
            if may_read(each.rules, tmp_path / name / "code.py")
        ]
        assert allowed == [theirs]  # the service runs no foreign code


def test_a_defense_reads_the_owners_images_where_it_hardens_and_nothing_else_of_a_run(
    all_three: tuple[Path, Orders, AllConfines],
) -> None:
    run, orders, where = all_three
    assert where.defense is not None
    assert may_read(where.defense.rules, run / "service" / "owner.safetensors")
    for place in (
        "service/tests.safetensors",
        "service/key",
        "service/ledger.sqlite",
        "service/honest.sqlite",
        "brief",
        "attacker",
    ):
        assert not may_read(where.defense.rules, run / place)
    assert not may_read(where.defense.rules, orders.service.weights)


def test_a_defense_reads_what_it_prepared_and_no_other(all_three: tuple[Path, Orders, AllConfines]) -> None:
    run, orders, _ = all_three
    service = orders.service.model_copy(update={"prepared": run / "service" / "prepared.safetensors"})
    where = confines(RunFolder(run), Orders(service, orders.attacker), ())
    assert where.defense is not None
    assert may_read(where.defense.rules, run / "service" / "prepared.safetensors")
    assert not may_read(where.defense.rules, run.parent / "two" / "service" / "prepared.safetensors")
    assert not may_read(where.attacker.rules, run / "service" / "prepared.safetensors")


def test_who_prepares_reads_what_its_order_names_alone(tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in ("weights", "owner", "style", "vgg", "other", "code")}
    for path in names.values():
        path.touch()
    order = Prepare(
        entry="code:It",
        code=names["code"],
        options={},
        victim="a:B",
        net={},
        weights=names["weights"],
        digest="0" * 64,
        owner=names["owner"],
        style=names["style"],
        scale=1,
        assets={"vgg": names["vgg"]},
        device="cpu",
        precision="fp32",
        threads=1,
        seed=0,
        workdir=tmp_path,
    )
    rules = preparing_rules(order, [tmp_path])
    assert [name for name, path in names.items() if not may_read(rules, path)] == ["other"]
    assert (rules.write, rules.view) == ((), True)


@pytest.mark.parametrize(
    "place", ["plan.json", "service/key", "service/ledger.sqlite", "../two/record.json", "../../home/victims/x"]
)
def test_neither_reads_other_runs_ledgers_or_homes(all_three: tuple[Path, Orders, AllConfines], place: str) -> None:
    run, _, where = all_three
    assert not may_read(where.attacker.rules, run / place)
    assert not may_read(where.service.rules, run / place)


def test_both_read_gexbench_itself(all_three: tuple[Path, Orders, AllConfines]) -> None:
    _, _, where = all_three
    assert may_read(where.attacker.rules, Path(isolation.__file__))
    assert may_read(where.service.rules, Path(isolation.__file__))


def test_each_has_a_view_of_what_it_may_touch_alone(all_three: tuple[Path, Orders, AllConfines]) -> None:
    _, _, where = all_three
    assert where.defense is not None
    assert all(each.rules.view for each in (where.service, where.attacker, where.defense))


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


def test_a_surrogate_reads_what_was_kept_and_the_plug_ins_code_alone(tmp_path: Path) -> None:
    made = setting(tmp_path, plan())
    run, code = made.folder.path, tmp_path / "attack"
    made.folder.surrogate.mkdir()
    code.mkdir()
    (code / "code.py").touch()
    order = surrogate_order(made).model_copy(update={"code": code})
    where = surrogate_confines(made.folder, order, "code:It")
    assert (where.folder, where.log, where.rules.write) == (made.folder.scratch, run / "surrogate.log", ())
    assert order.writable == (made.folder.scratch,)
    assert made.folder.scratch.parent == run
    assert run.parent in order.private
    for place in (run / "surrogate" / "model.safetensors", code / "code.py", Path(isolation.__file__)):
        assert may_read(where.rules, place)
    for name in (
        f"attacker/{made.folder.work.name}/notes",
        "brief/pool.safetensors",
        "log.txt",
        "plan.json",
        "service/ledger.sqlite",
    ):
        assert not may_read(where.rules, run / name)
