"""The catalog: broken cards are one clear line."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.roots import ENTRY_POINT_GROUP, CardRoot, installed_roots, named_root, packaged_root
from gexbench.cards.schema import AttackCard, DatasetCard, DefenseCard, MetricCard
from gexbench.errors import CardError
from gexbench.plan import Request

ATTACK = 'name = "me/mine"\nsummary = "Mine."\nentry = "mine:Mine"\n'


def catalog(folder: Path) -> Catalog:
    return Catalog((packaged_root(), named_root(folder)))


def put(folder: Path, text: str, file: str = "attacks/mine.toml") -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_cards_joins_the_registry(tmp_path: Path) -> None:
    put(tmp_path, ATTACK)
    found = catalog(tmp_path).filed(AttackCard, "me/mine")
    assert found.root.code == tmp_path
    assert "srresnet" in catalog(tmp_path).all(AttackCard)


def test_a_submission_folder_holds_one_card(tmp_path: Path) -> None:
    put(tmp_path, "[attack]\n" + ATTACK, "card.toml")
    assert catalog(tmp_path).get(AttackCard, "me/mine").summary == "Mine."
    assert set(catalog(tmp_path).all(DefenseCard)) == set(Catalog.load(()).all(DefenseCard))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'me/mine", "not valid TOML"),
        (ATTACK + "sumary = 'x'\n", "sumary"),
        (ATTACK.replace('"Mine."', "3"), "summary.*string.*3"),
        (ATTACK.replace("mine:Mine", "no colon"), "entry"),
        (ATTACK.replace("me/mine", "Me/Mine"), "name"),
        (ATTACK.replace("me/mine", "mine"), "needs a namespace"),
        (ATTACK.replace("me/mine", "me/other"), "holds the card 'me/other'"),
        ('name = "me/mine"\nsummary = "Mine."\n', "entry"),
        ("\xff", "cannot read|not valid|name"),
    ],
)
def test_a_broken_card_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    path = put(tmp_path, text)
    with pytest.raises(CardError, match=message) as caught:
        catalog(tmp_path).all(AttackCard)
    assert str(path) in str(caught.value)


def test_an_unknown_key_is_met_with_the_nearest(tmp_path: Path) -> None:
    put(tmp_path, ATTACK + "sumary = 'x'\n")
    with pytest.raises(CardError) as caught:
        catalog(tmp_path).all(AttackCard)
    assert "summary" in caught.value.hint


def test_a_name_given_twice_names_both_places(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = put(one, ATTACK), put(two, ATTACK)
    with pytest.raises(CardError, match="twice") as caught:
        Catalog((named_root(one), named_root(two))).all(AttackCard)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_a_folder_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "cards", ATTACK)
    (tmp_path / "link").symlink_to("cards")
    monkeypatch.chdir(tmp_path)
    found = Catalog.load([Path("cards"), tmp_path / "cards", Path("./link")]).filed(AttackCard, "me/mine")
    assert (found.root.origin, found.root.path) == ("cards", (tmp_path / "cards").resolve())


def test_an_attack_given_as_a_folder_that_is_named_too_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "x", "[attack]\n" + ATTACK, "card.toml")
    (tmp_path / "x" / "mine.py").write_text("class Mine: ...\n")
    monkeypatch.chdir(tmp_path)
    _, plan = bench.prepare(Request("sr", "./x", folders=(tmp_path / "x",)))
    assert plan.attack.name == "me/mine"


def test_a_metric_from_outside_cannot_bring_code(tmp_path: Path) -> None:
    own = packaged_root().path / "metrics" / "psnr-y.toml"
    text = own.read_text(encoding="utf-8").replace('"psnr-y"', '"me/psnr"', 1)
    put(tmp_path, text.replace("gexbench.metrics.pixel:", "mine:"), "metrics/psnr.toml")
    with pytest.raises(CardError, match="beside the test data"):
        catalog(tmp_path).all(MetricCard)


def test_a_reader_from_outside_cannot_bring_code(tmp_path: Path) -> None:
    own = packaged_root().path / "datasets" / "photos-mini.toml"
    text = own.read_text(encoding="utf-8").replace('"photos-mini"', '"me/photos"', 1)
    put(tmp_path, text.replace("gexbench.datasets.photos:", "mine:"), "datasets/photos.toml")
    with pytest.raises(CardError, match="beside the test data"):
        catalog(tmp_path).all(DatasetCard)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="no folder of cards"):
        named_root(tmp_path / "nowhere")


def test_a_missing_card_is_met_with_the_nearest() -> None:
    with pytest.raises(CardError, match="no attack named 'srresnett'") as caught:
        Catalog((packaged_root(),)).get(AttackCard, "srresnett")
    assert "srresnet" in caught.value.hint


@pytest.mark.parametrize("line", ["floor = true", "paired = true"])
def test_only_a_metric_of_sets_without_a_floor_is_held_against_something_else(tmp_path: Path, line: str) -> None:
    text = (packaged_root().path / "metrics" / "figure-share.toml").read_text(encoding="utf-8")
    text = text.replace("paired = false\n", "" if "paired" in line else "paired = false\n")
    features = 'features = "figure-kinds"\n'
    text = text.replace(features, f"{line}\n" if "paired" in line else f"{features}{line}\n")
    put(tmp_path, text.replace('"figure-share"', '"me/share"', 1), "metrics/share.toml")
    with pytest.raises(CardError, match="is for metrics of sets"):
        catalog(tmp_path).all(MetricCard)


def broken(folder: Path, text: str, file: str = "attacks/broken.toml") -> CardRoot:
    put(folder, text, file)
    return named_root(folder)


BROKEN = ATTACK.replace("me/mine", "me/broken") + "sumary = 3\n"


def test_a_broken_card_from_outside_is_skipped_with_one_line_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, ATTACK)
    roots = (packaged_root(), broken(tmp_path, BROKEN))
    for _ in range(2):
        known = Catalog(roots, strict=False).all(AttackCard)
        assert {"srresnet", "me/mine"} <= set(known)
        assert "me/broken" not in known
    (line,) = caplog.messages
    assert line.startswith("warning: skipped: ")
    assert "broken.toml: sumary" in line


@pytest.mark.parametrize("text", [BROKEN, "name = 'me/broken", "name = 3", "", "\x00", "a = " + "[" * 5000])
def test_a_broken_card_that_is_asked_for_is_refused_with_the_reason(tmp_path: Path, text: str) -> None:
    lax = Catalog((packaged_root(), broken(tmp_path, text)), strict=False)
    with pytest.raises(CardError, match=r"broken\.toml"):
        lax.get(AttackCard, "me/broken")
    assert lax.get(AttackCard, "srresnet").name == "srresnet"
    with pytest.raises(CardError, match="no attack named 'me/other'"):
        lax.get(AttackCard, "me/other")


def test_a_broken_submission_is_refused_with_the_reason_when_it_is_asked_for(tmp_path: Path) -> None:
    root = broken(tmp_path / "mine", "[attack]\n" + BROKEN, "card.toml")
    lax = Catalog((packaged_root(), root), strict=False)
    for name in ("me/broken", "me/mine"):
        with pytest.raises(CardError, match=r"card\.toml: sumary"):
            lax.get(AttackCard, name)


def test_a_broken_card_of_the_packaged_registry_is_never_skipped(tmp_path: Path) -> None:
    put(tmp_path, BROKEN.replace("me/", ""), "attacks/broken.toml")
    with pytest.raises(CardError, match="sumary"):
        Catalog((CardRoot(tmp_path, "gexbench", outside=False),), strict=False).all(AttackCard)


@pytest.mark.parametrize("name", ["srresnet", "me/srresnet"])
def test_a_broken_card_takes_no_card_of_the_registry_with_it(tmp_path: Path, name: str) -> None:
    text = ATTACK.replace("me/mine", name) + ("" if name == "srresnet" else "sumary = 3\n")
    lax = Catalog((packaged_root(), broken(tmp_path, text, "attacks/srresnet.toml")), strict=False)
    assert lax.filed(AttackCard, "srresnet").root.origin == "gexbench"


def test_of_two_cards_from_outside_with_one_name_none_is_taken(tmp_path: Path) -> None:
    roots = [broken(tmp_path / name, ATTACK, "attacks/mine.toml") for name in ("one", "two")]
    lax = Catalog((packaged_root(), *roots), strict=False)
    assert "me/mine" not in lax.all(AttackCard)
    with pytest.raises(CardError, match="'me/mine' is declared twice"):
        lax.get(AttackCard, "me/mine")


def test_a_card_that_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "attacks").mkdir()
    os.mkfifo(tmp_path / "attacks" / "pipe.toml")
    (tmp_path / "attacks" / "zero.toml").symlink_to("/dev/zero")
    lax = Catalog((packaged_root(), named_root(tmp_path)), strict=False)
    for name in ("me/pipe", "me/zero"):
        with pytest.raises(CardError, match="not a regular file"):
            lax.get(AttackCard, name)


@pytest.mark.parametrize("value", ["nowhere_at_all.cards", "gexbench.nowhere", "__main__", "a b", "", ".", "os.path"])
def test_an_installed_package_whose_entry_point_is_wrong_is_skipped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    point = EntryPoint(f"of {value}", value, ENTRY_POINT_GROUP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    assert installed_roots() == []
    assert f"of {value}" in caplog.text
    assert "srresnet" in Catalog.load().all(AttackCard)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ('type = "int", default = 1.5', "options.x is of type 'int', and 1.5 is not"),
        ('type = "int", default = "7"', "is of type 'int', and '7' is not"),
        ('type = "int", default = true', "is of type 'int', and True is not"),
        ('type = "float", default = "fast"', "is of type 'float'"),
        ('type = "float", default = nan', "not at nan"),
        ('type = "bool", default = 1', "is of type 'bool'"),
        ('type = "str", default = 3', "is of type 'str'"),
        ('type = "list", default = "a,b"', "is of type 'list'"),
        ('type = "int", default = 0, min = 1', "from 1 to ∞, not at 0"),
        ('type = "int", default = 9, max = 8', "from -∞ to 8, not at 9"),
        ('type = "float", default = 1, min = 3, max = 2', "min 3 is above max 2"),
        ('type = "float", default = 1, max = nan', "a bound is not a number"),
        ('type = "str", default = "a", min = 1', "bounds are for numbers"),
        ('type = "int", default = 1, choices = ["1"]', "choices are for texts"),
        ('type = "str", default = "c", choices = ["a", "b"]', "cannot be 'c'"),
        ('type = "list", default = ["a", "c"], choices = ["a", "b"]', "cannot be 'c'"),
        ('type = "int", default = 1, max = 8 }\nprofile.mini = { x = 9', "not at 9"),
        ('type = "int", default = 1 }\nprofile.mini = { x = 1.5', "profile.mini.x is of type 'int'"),
        ('type = "int", default = 1 }\nprofile.mini = { y = 1', "profile.mini sets 'y', which is no option"),
    ],
)
def test_a_default_that_its_option_does_not_allow_is_refused_when_the_card_is_read(
    tmp_path: Path, option: str, why: str
) -> None:
    put(tmp_path, ATTACK + f'options.x = {{ help = "x", {option} }}\n')
    with pytest.raises(CardError) as refused:
        catalog(tmp_path).all(AttackCard)
    assert why in str(refused.value)
    assert "mine.toml" in str(refused.value)


def test_defaults_at_their_bounds_and_in_their_choices_are_read(tmp_path: Path) -> None:
    options = [
        'a = { help = "x", type = "int", default = 8, min = 8, max = 8 }',
        'b = { help = "x", type = "float", default = 1, max = 1 }',
        'c = { help = "x", type = "list", default = [], choices = ["a"] }',
        'd = { help = "x", type = "bool", default = false }',
    ]
    put(tmp_path, ATTACK + "".join(f"options.{line}\n" for line in options) + "profile.mini = { b = 0.5 }\n")
    assert len(catalog(tmp_path).get(AttackCard, "me/mine").options) == 4
