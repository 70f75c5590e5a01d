"""A plan in a file, and whether it is of what is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from record_factory import Records, stand_in

from gexbench import bench
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Plan, Request, resolve
from gexbench.plan_file import LARGEST_FILE, difference, read_plan


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    return stand_in(tmp_path, monkeypatch)


def written(plan: Plan, **edits: Any) -> Path:
    """Write a plan with values replaced; a key such as `task__price` goes into depth. None takes it out."""
    data = json.loads(plan.model_dump_json())
    for place, value in edits.items():
        *way, last = place.split("__")
        inner = data
        for key in way:
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    file = Path("plan.json")
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


REQUESTS: list[dict[str, Any]] = [
    {},
    {"seed": 3, "budget": "30"},
    {"settings": ("steps=7", "lr=0.25")},
    {"defense": "jpeg", "defense_settings": ("quality=10",)},
    {"isolation": "none", "device": "cpu", "deadline": 5.0, "profile": "paper"},
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_plan_gives_the_request_that_gives_it(records: Records, request_: dict[str, Any]) -> None:
    plan = records.plan(**request_)
    assert resolve(plan.request(), records.catalog, records.identity) == plan


@pytest.mark.parametrize("value", ["a b", "", "x=y", "one,two", True, 3, 2.5, "none"])
def test_options_of_every_type_come_back_as_they_were(records: Records, value: object) -> None:
    kinds = {str: "str", bool: "bool", int: "int", float: "float"}
    card = records.folder / "attacks" / "copycat.toml"
    default = {"str": '"z"', "bool": "false", "int": "0", "float": "0"}[kinds[type(value)]]
    card.write_text(
        card.read_text() + f'[options]\nword = {{ type = "{kinds[type(value)]}", default = {default}, help = "h" }}\n'
        'names = { type = "list", default = ["a"], help = "h" }\n'
    )
    for names in ("names=", "names=b,c"):
        plan = records.plan("copycat", settings=(f"word={value}", names))
        again = resolve(plan.request(), records.catalog, records.identity)
        assert (again, again.id) == (plan, plan.id)
    usual = records.plan("copycat")
    assert resolve(usual.request(), records.catalog, records.identity).id == usual.id


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_plan_comes_back_from_its_file(records: Records, request_: dict[str, Any]) -> None:
    plan = records.plan(**request_)
    assert bench.prepare_file(written(plan))[1] == plan


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ({"task__price": 0.5}, "task.price is 0.5, here it is 0.01"),
        ({"attack__entry": "os:system"}, 'attack.entry is "os:system", here it is "gexbench.attacks.srresnet:A"'),
        ({"metrics": []}, "metrics"),
        ({"victim_weights": "other"}, 'victim_weights is "other", here it is "victim-hash"'),
        ({"dataset_pins": "other"}, "dataset_pins"),
        ({"code": "other"}, 'code is "other", here it is "code-hash"'),
        ({"plug_ins": {"attack": "0"}}, 'plug_ins.attack is "0", here it is nothing'),
        ({"options__steps": None}, "options.steps is nothing, here it is 400"),
        ({"options__stepz": 3}, "no option 'stepz'"),
        ({"options__steps": 3.5}, "takes a whole number"),
        ({"defense_options": {"quality": 3}}, "but no defense"),
        ({"task__scale": 2}, "task.scale is 2, here it is 4"),
        ({"profile__seeds": 5}, "profile.seeds is 5, here it is 3"),
        ({"attack__name": "srresnte"}, "no attack named 'srresnte'"),
        ({"budget": 101}, "--budget 101"),
        ({"seed": -1}, "--seed -1"),
        ({"deadline": -1.0}, "--deadline -1"),
    ],
)
def test_an_edited_plan_is_refused_and_what_was_edited_is_named(
    records: Records, edits: dict[str, Any], told: str
) -> None:
    with pytest.raises(PlanError, match=told) as caught:
        bench.prepare_file(written(records.plan(), **edits))
    assert str(caught.value).startswith("plan.json: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ({"isolation": "some"}, "isolation: Input should be"),
        ({"seed": None}, "seed: Field required"),
        ({"colour": 3}, "colour: Extra inputs"),
    ],
)
def test_what_has_not_the_form_of_a_plan_is_none(records: Records, edits: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=rf"^plan\.json is not a plan: {told}"):
        bench.prepare_file(written(records.plan(), **edits))


def test_other_words_and_other_profiles_of_cards_are_no_edit(records: Records) -> None:
    plan = records.plan()
    file = written(plan, task__summary="Other words.", attack__note="New.", attack__profile={"paper": {"steps": 9}})
    assert bench.prepare_file(file)[1] == plan
    text = (records.folder / "attacks" / "srresnet.toml").read_text()
    (records.folder / "attacks" / "srresnet.toml").write_text(text.replace("default = 400", "default = 400, max = 900"))
    assert bench.prepare_file(written(plan))[1].options == plan.options


def test_a_change_of_type_alone_is_a_difference(records: Records) -> None:
    plan = records.plan()
    assert difference(plan, plan) is None
    other = plan.model_copy(update={"options": {**plan.options, "steps": 400.0}})
    assert difference(other, plan) == "options.steps is 400.0, here it is 400"


def test_a_plan_of_cards_from_elsewhere_says_what_it_needs(records: Records, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "card.toml").write_text('[attack]\nname = "me/mine"\nsummary = "M."\nentry = "mine:M"\n')
    _, plan = bench.prepare(Request("sr", str(tmp_path / "mine")))
    with pytest.raises(PlanError, match="no attack named 'me/mine'") as caught:
        bench.prepare_file(written(plan))
    assert "--registry" in caught.value.hint
    assert bench.prepare_file(written(plan), (tmp_path / "mine",))[1] == plan


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is an empty file; .*EOF"),
        (b"<!DOCTYPE html>", "it is a web page"),
        (b'{"seal": "", "plan": {}}', "it is the record of a run"),
        (b"[]", "valid dictionary|object"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b" " * (LARGEST_FILE + 1), "more than 16 MiB"),
        (b"{}", "task: Field required"),
    ],
)
def test_a_file_that_is_no_plan_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(PlanError, match=told) as caught:
        read_plan(file)
    assert len(str(caught.value).splitlines()) == 1
    assert str(file) in str(caught.value)


def test_a_place_without_a_file_is_named(tmp_path: Path) -> None:
    for place, why in ((tmp_path / "nowhere", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(GexbenchError, match=why):
            read_plan(place)
