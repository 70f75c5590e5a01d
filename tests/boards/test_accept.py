from __future__ import annotations

import math
from pathlib import Path

import pytest
from record_factory import Records, changed

from gexbench.boards.accept import newcomer_objections, objections
from gexbench.cards.board import BoardCard
from gexbench.cards.schema import WeightFile
from gexbench.record import Account, RunRecord, read_record

LEADERBOARDS = Path(__file__).resolve().parents[2] / "leaderboards"


@pytest.fixture
def board(records: Records) -> BoardCard:
    return records.catalog.get(BoardCard, "sr")


def test_a_good_record_meets_no_objection(records: Records, board: BoardCard) -> None:
    assert not [*objections(records.make(), board), *newcomer_objections(records.make(), records.catalog)]


def test_a_record_of_an_attack_that_adapts_meets_none_and_a_second_row_of_the_plain_one_does(
    records: Records, board: BoardCard
) -> None:
    adapting = records.make(settings=("purify=jpeg", "jitter=2"))
    assert not [*objections(adapting, board), *newcomer_objections(adapting, records.catalog)]
    doubled = changed(records.make(), "plan.options", {**records.plan().options, "purify": "none"})
    (why,) = objections(doubled, board)
    assert "option 'purify' of 'srresnet' is at its default" in why


def test_the_victim_control_needs_no_fidelity(records: Records, board: BoardCard) -> None:
    assert not [*objections(records.make("victim"), board)]


def test_an_infinite_psnr_is_a_number(records: Records, board: BoardCard) -> None:
    assert not [*objections(records.make(b=math.inf), board)]


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("status", "failed", "failed: no reason given"),
        ("isolation", "none", "unsandboxed"),
        ("plan.isolation", "none", "unsandboxed"),
        ("incidents", ("tried to open a socket",), "tried to open a socket"),
        ("plan.task.version", 2, "sr@2; the board 'sr' takes sr@1"),
        ("plan.budget", 70, "budget of 70 is not one of the task's at profile 'mini': 50, 100"),
        ("account.answered", 101, "101 of 100 answered"),
        ("plan.deadline", 3600.0, "3600 s is longer than the task's 60 s"),
        ("plan.profile.name", "huge", "no profile 'huge'"),
        ("plan.victim.name", "other", "victim and data"),
        ("plan.deadline", 60.5, "60.5 s is longer than the task's 60 s"),
        ("plan.deadline", math.nan, "plan.deadline is nan"),
        ("account.answered", -1, "it cost 1 USD, and -1 questions at 0.01 do not"),
        ("cost_usd", 0.5, "it cost 0.5 USD, and 100 questions at 0.01 do not"),
        ("cost_usd", math.nan, "it cost nan USD"),
        ("plan.attack.needs", ("weights",), "needs the knowledge 'weights', which task 'sr' does not grant"),
        ("plan.attack.task_kinds", ("sampling",), "'srresnet' works on sampling tasks"),
        ("plan.victim.net", {"side": 64}, "victim 'net' has images of 64 px"),
        ("plan.victim.scale", 2, "victim 'net' does not fit task 'sr'"),
        ("plan.options", {"steps": 400}, "lacks the option 'lr'"),
        ("plan.options", {"steps": 400, "lr": 1e-3, "luck": 7}, "no option 'luck'"),
        ("plan.options", {"steps": "many", "lr": 1e-3}, "takes a whole number, not 'many'"),
        ("cost_usd", 1.000005, "and 100 questions at 0.01 do not"),
        ("scores", (), "lacks the main score, psnr-y B, on set14, set5: not measured"),
    ],
)
def test_what_cannot_be_trusted_is_refused(
    records: Records, board: BoardCard, path: str, value: object, why: str
) -> None:
    assert why in " ".join(objections(changed(records.make(), path, value), board))


def test_the_reason_of_a_missing_main_score_is_told(records: Records, board: BoardCard) -> None:
    record = changed(changed(records.make(), "scores", ()), "absent", {"psnr-y": "no weights"})
    assert "no weights" in " ".join(objections(record, board))


def test_a_score_that_is_no_number_is_refused(records: Records, board: BoardCard) -> None:
    assert "psnr-y B on set5 is nan" in " ".join(objections(records.make(b=math.nan), board))


def test_a_score_on_an_unknown_split_is_refused(records: Records, board: BoardCard) -> None:
    record = records.make()
    extra = record.scores[0].model_copy(update={"test": "mine"})
    assert "scores on mine" in " ".join(objections(changed(record, "scores", (*record.scores, extra)), board))


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("id", "0" * 16, "id is not the one"),
        ("plan.task.price", 0.0, "TaskCard 'sr' is not this gexbench's; they differ in price"),
        ("plan.victim.net", {"blocks": 1}, "VictimCard 'net'"),
        ("plan.dataset.name", "mine", "no dataset named 'mine'"),
        ("plan.profile.seeds", 1, "ProfileCard 'mini' is not this gexbench's; they differ in seeds"),
        ("plan.attack.kind", "control", "AttackCard 'srresnet'"),
    ],
)
def test_cards_other_than_the_registrys_are_refused(records: Records, path: str, value: object, why: str) -> None:
    assert why in " ".join(newcomer_objections(changed(records.make(), path, value), records.catalog))


def test_a_defense_that_guards_no_such_services_is_refused_whatever_the_records_own_card_says(records: Records) -> None:
    record, card = records.make(defense="jpeg"), records.folder / "defenses" / "jpeg.toml"
    written = card.read_text(encoding="utf-8")
    card.write_text('task_kinds = ["sampling", "image-to-image"]' + written, encoding="utf-8")
    assert not [*newcomer_objections(record, records.catalog, accepted=True)]
    card.write_text('task_kinds = ["sampling"]' + written, encoding="utf-8")
    (text,) = newcomer_objections(record, records.catalog, accepted=True)
    assert text == "its defense 'jpeg' guards no services of the kind 'image-to-image'"


def test_an_account_that_fits_another_budget_than_the_plans_is_refused(records: Records, board: BoardCard) -> None:
    small = Account(budget=50, asked=50, answered=50, sessions=1)
    record = changed(changed(records.make(), "account", small), "cost_usd", 0.5)
    assert "50 of 50 answered, and its budget is 100" in " ".join(objections(record, board))


@pytest.mark.parametrize("value", [math.nan, -math.inf, math.inf])
def test_a_cost_to_honest_users_that_is_no_number_is_refused(records: Records, board: BoardCard, value: float) -> None:
    record = records.make(defense="jpeg")
    costs = (record.honest_cost[0].model_copy(update={"value": value}), *record.honest_cost[1:])
    assert f"lpips-alex honest on set5 is {value}" in " ".join(objections(changed(record, "honest_cost", costs), board))


def test_a_cost_to_honest_users_on_an_unknown_split_is_refused(records: Records, board: BoardCard) -> None:
    record = records.make(defense="jpeg")
    costs = (record.honest_cost[0].model_copy(update={"test": "mine"}), *record.honest_cost[1:])
    assert "scores on mine" in " ".join(objections(changed(record, "honest_cost", costs), board))


def test_an_accepted_record_may_be_of_an_earlier_version_of_its_attack_and_a_new_one_may_not(records: Records) -> None:
    old, card = records.make(), records.folder / "attacks" / "srresnet.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("summary", "version = 2\nsummary"), encoding="utf-8")
    assert "they differ in version" in " ".join(newcomer_objections(old, records.catalog))
    assert not [*newcomer_objections(old, records.catalog, accepted=True)]
    later = with_own_id(changed(old, "plan.attack.version", 3))
    assert "they differ in version" in " ".join(newcomer_objections(later, records.catalog, accepted=True))


def test_a_board_takes_the_versions_that_its_card_names_for_a_profile(records: Records, board: BoardCard) -> None:
    later = board.model_copy(update={"task": "sr@3", "since": {"mini": 2}})
    found = {n: " ".join(objections(changed(records.make(), "plan.task.version", n), later)) for n in (1, 2, 3, 4)}
    told = "the board 'sr' takes sr@3, at profile 'mini' since sr@2"
    assert found == {1: f"it is a record of sr@1; {told}", 2: "", 3: "", 4: f"it is a record of sr@4; {told}"}
    large = changed(records.make(profile="paper"), "plan.task.version", 2)
    assert [*objections(large, later)] == ["it is a record of sr@2; the board 'sr' takes sr@3"]


@pytest.mark.parametrize(
    ("new", "keys"),
    [
        ('metrics = ["psnr-y"]', ""),
        ('controls = ["victim"]', ""),
        ("price = 0.02", "price"),
        ("[profile.mini]\nside = 64", "profile"),
        ("[profile.paper]\nside = 64", ""),
    ],
)
def test_an_accepted_record_may_be_of_an_earlier_version_of_its_task_with_the_same_rules(
    records: Records, new: str, keys: str
) -> None:
    old, card = records.make(), records.folder / "tasks" / "sr.toml"
    line = new.splitlines()[0]
    key = line if line.startswith("[") else line.partition("=")[0]
    text = "\n".join(each.strip() for each in card.read_text(encoding="utf-8").splitlines())
    kept = "\n".join(new if each.startswith(key) else each for each in text.splitlines())
    card.write_text(f"version = 2\n{kept}", encoding="utf-8")
    assert "they differ in version" in " ".join(newcomer_objections(old, records.catalog))
    found = [*newcomer_objections(old, records.catalog, accepted=True)]
    assert found == ([f"its TaskCard 'sr' is not this gexbench's; they differ in {keys}"] if keys else [])
    later = with_own_id(changed(old, "plan.task.version", 3))
    assert "they differ in version" in " ".join(newcomer_objections(later, records.catalog, accepted=True))


def test_of_todays_version_of_its_task_a_record_measures_all_metrics(records: Records) -> None:
    fewer = with_own_id(changed(records.make(), "plan.task.metrics", ("psnr-y",)))
    for accepted in (False, True):
        assert "they differ in metrics" in " ".join(newcomer_objections(fewer, records.catalog, accepted=accepted))


def with_own_id(record: RunRecord) -> RunRecord:
    return changed(record, "id", record.plan.id)


def test_an_id_from_before_prose_was_left_out_is_still_taken(records: Records) -> None:
    record = RunRecord.model_validate_json(records.make().model_dump_json())
    assert record.plan.former_id != record.plan.id
    assert not [*newcomer_objections(changed(record, "id", record.plan.former_id), records.catalog)]


def test_the_ids_of_the_accepted_records_are_taken_whatever_rule_they_were_made_by() -> None:
    found = [read_record(path) for path in sorted(LEADERBOARDS.glob("*/records/*.json"))]
    assert len(found) >= 42
    assert not [record.id for record in found if record.id not in (record.plan.id, record.plan.former_id)]


def test_other_words_on_a_card_do_not_matter(records: Records) -> None:
    record = with_own_id(changed(records.make(), "plan.task.summary", "Other words."))
    assert not [*newcomer_objections(record, records.catalog)]


def test_another_profile_on_the_task_card_does_not_matter(records: Records) -> None:
    record = records.make()
    only_mini = {"mini": record.plan.task.profile["mini"]}
    assert not [*newcomer_objections(with_own_id(changed(record, "plan.task.profile", only_mini)), records.catalog)]


def test_another_profile_or_bound_on_the_attack_card_does_not_matter(records: Records) -> None:
    record = records.make()
    free = {name: option.model_copy(update={"min": None}) for name, option in record.plan.attack.options.items()}
    for key, value in (("profile", {**record.plan.attack.profile, "huge": {}}), ("options", free)):
        other = with_own_id(changed(record, f"plan.attack.{key}", value))
        assert not [*newcomer_objections(other, records.catalog)]


def test_another_default_on_the_attack_card_matters(records: Records) -> None:
    record = records.make()
    others = {name: option.model_copy(update={"default": 7}) for name, option in record.plan.attack.options.items()}
    (text,) = newcomer_objections(with_own_id(changed(record, "plan.attack.options", others)), records.catalog)
    assert "AttackCard" in text
    assert "differ in options" in text


def test_an_outside_attack_needs_no_card_in_the_registry(records: Records) -> None:
    record = with_own_id(changed(records.make("copycat"), "plan.attack.name", "alice/copycat"))
    assert not [*newcomer_objections(record, records.catalog)]


def test_what_costs_nothing_may_have_cost_no_more_than_a_rounding_error(records: Records, board: BoardCard) -> None:
    free = records.make("bicubic")
    assert not [*objections(changed(free, "cost_usd", 5e-7), board)]
    assert [*objections(changed(free, "cost_usd", 5e-6), board)]


@pytest.mark.parametrize(("path", "value"), [("plan.task.version", 2), ("status", "failed")])
def test_of_another_tasks_record_and_of_a_failed_run_nothing_more_is_said(
    records: Records, board: BoardCard, path: str, value: object
) -> None:
    hopeless = changed(changed(records.make(), "isolation", "none"), path, value)
    assert len([*objections(hopeless, board)]) == 1


@pytest.mark.parametrize("compare", ["B", "C"])
def test_the_main_score_is_wanted_of_every_split_whatever_else_was_measured(
    records: Records, board: BoardCard, compare: str
) -> None:
    record = records.make()
    left = [s for s in record.scores if (s.metric, s.compare, s.test) != ("psnr-y", compare, "set14")]
    found = [*objections(changed(record, "scores", tuple(left)), board)]
    assert found == (["it lacks the main score, psnr-y B, on set14: not measured"] if compare == "B" else [])


def test_a_card_that_this_gexbench_lacks_is_named_once_and_compared_with_nothing(records: Records) -> None:
    record = with_own_id(changed(records.make(), "plan.dataset.name", "mine"))
    (text,) = newcomer_objections(record, records.catalog)
    assert "no dataset named 'mine'" in text


def test_an_accepted_record_of_an_earlier_version_of_its_victim_stands_no_longer(records: Records) -> None:
    old, card = records.make(), records.folder / "victims" / "net.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("summary", "version = 2\nsummary"), encoding="utf-8")
    (text,) = newcomer_objections(old, records.catalog, accepted=True)
    assert "VictimCard 'net' is not this gexbench's; they differ in version" in text


def own(record: RunRecord, sha256: str | None) -> RunRecord:
    """Return the record of a victim in TorchScript whose card pins a hash, or none."""
    victim = record.plan.victim.model_copy(
        update={"backend": "torchscript", "entry": "", "weights": sha256 and WeightFile(file="x.pt", sha256=sha256)}
    )
    return changed(changed(record, "plan.victim", victim), "plan.victim_weights", "a" * 64)


def test_a_victim_of_ones_own_stands_on_a_board_of_ones_own_and_on_none_that_ships(
    records: Records, board: BoardCard
) -> None:
    mine = board.model_copy(update={"name": "me/sr"})
    assert not [*objections(own(records.make(), "a" * 64), mine)]
    (why,) = objections(own(records.make(), "a" * 64), board)
    assert "boards that ship rank their own victims alone" in why


@pytest.mark.parametrize("sha256", [None, "b" * 64])
def test_a_victim_of_ones_own_that_no_card_pins_stands_on_no_board(
    sha256: str | None, records: Records, board: BoardCard
) -> None:
    (why,) = objections(own(records.make(), sha256), board.model_copy(update={"name": "me/sr"}))
    assert "none that a card pins, as `gexbench new victim` writes one" in why
