"""Options are typed and checked before anything heavy is imported."""

from __future__ import annotations

import pytest

from gexbench.cards.options import check_sweep, effective
from gexbench.cards.schema import Option
from gexbench.errors import PlanError

OPTIONS = {
    "steps": Option(type="int", default=100, min=1, max=1000, help="steps"),
    "rate": Option(type="float", default=0.1, max=0.5, help="rate"),
    "lr": Option(type="float", default=1e-3, min=0, help="rate"),
    "norm": Option(type="bool", default=False, help="norm"),
    "loss": Option(type="str", default="l1", choices=("l1", "mse"), help="loss"),
    "name": Option(type="str", default="", help="name"),
    "any": Option(type="list", default=(), help="anything"),
    "augment": Option(type="list", default=("flip",), choices=("flip", "rotation"), help="augmentations"),
}


def test_defaults_stand_until_a_profile_or_the_user_changes_them() -> None:
    values = effective(OPTIONS, {"steps": 7}, ["lr=2e-4", "norm=true", "augment=flip,rotation"], "attack 'x'")
    assert values == {
        "steps": 7,
        "rate": 0.1,
        "lr": 2e-4,
        "norm": True,
        "loss": "l1",
        "name": "",
        "any": (),
        "augment": ("flip", "rotation"),
    }


def test_the_users_word_is_last() -> None:
    assert effective(OPTIONS, {"steps": 7}, ["steps=8"], "x")["steps"] == 8


def test_an_empty_list_can_be_given() -> None:
    assert effective(OPTIONS, {}, ["augment="], "x")["augment"] == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz=3", "no option 'stepz'"),
        ("steps=3.5", "takes a whole number, not '3.5'"),
        ("steps=many", "takes a whole number"),
        ("steps=0", "from 1 to 1000, not at 0"),
        ("lr=nan", "not at nan"),
        ("lr=-1", "not at -1"),
        ("norm=maybe", "true or false"),
        ("loss=l2", "cannot be 'l2'"),
        ("augment=flip,spin", "cannot be 'spin'"),
        ("steps", "not key=value"),
        ("name=a\x1b[31m", "invisible character '.x1b'"),
        ("name=\udcff", "invisible character '.udcff'"),
        ("any=ok,\u202e", "invisible character '.u202e'"),
    ],
)
def test_a_bad_option_is_refused_with_its_value(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        effective(OPTIONS, {}, [text], "attack 'x'")


def test_a_misspelt_option_is_met_with_a_suggestion() -> None:
    with pytest.raises(PlanError) as caught:
        effective(OPTIONS, {}, ["stepz=3"], "attack 'x'")
    assert "steps" in caught.value.hint


@pytest.mark.parametrize("text", ["steps=1", "steps=1000", "lr=0", "rate=0.5"])
def test_a_bound_itself_is_allowed(text: str) -> None:
    key, _, value = text.partition("=")
    assert effective(OPTIONS, {}, [text], "x")[key] == float(value)


@pytest.mark.parametrize("text", ["steps=1001", "steps=0", "rate=0.5000001", "lr=-1e-9"])
def test_one_step_beyond_a_bound_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="lies from"):
        effective(OPTIONS, {}, [text], "x")


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"steps": (1, 1001)}, "option 'steps' of sweep lies from 1 to 1000"),
        ({"steps": (1.5,)}, "sweep.steps is of type 'int'"),
    ],
)
def test_a_sweep_to_what_an_option_does_not_allow_is_refused(sweep: dict[str, tuple[float, ...]], message: str) -> None:
    check_sweep(OPTIONS, {"steps": (1, 1000)})
    with pytest.raises(PlanError, match=message):
        check_sweep(OPTIONS, sweep)
