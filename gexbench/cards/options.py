"""Options: typed and checked before any heavy import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gexbench.cards.fields import OptionValue
from gexbench.cards.schema import Option
from gexbench.errors import PlanError, nearest
from gexbench.foreign_text import invisible


def effective(
    options: Mapping[str, Option], override: Mapping[str, OptionValue], given: Sequence[str], owner: str
) -> dict[str, OptionValue]:
    """Merge defaults, a profile's overrides and the user's `key=value` texts, in that order.

    Raises PlanError for an unknown key, a wrong type, or a value out of range; `owner` names the card in messages.
    """
    values: dict[str, OptionValue] = {key: option.default for key, option in options.items()}
    texts: dict[str, object] = dict(override)
    for text in given:
        name, equals, after = text.partition("=")
        if not equals:
            raise PlanError(f"--set {text!r} is not key=value", f"for example --set {next(iter(options), 'key')}=…")
        texts[name.strip()] = after.strip()
    for key, value in texts.items():
        if key not in options:
            raise PlanError(f"{owner} has no option {key!r}", nearest(key, options))
        values[key] = _typed(key, options[key], value, owner)
    return values


def check_defaults(options: Mapping[str, Option], profiles: Mapping[str, Mapping[str, OptionValue]]) -> None:
    """Raise PlanError where defaults, or what a profile sets instead, are not what the options themselves allow."""
    for key, option in options.items():
        low, high, numeric = option.min, option.max, option.type in ("int", "float")
        if not numeric and (low is not None or high is not None):
            raise PlanError(f"options.{key}: bounds are for numbers, not for {_kind(option)}", "leave min and max out")
        if (low is not None and low != low) or (high is not None and high != high):
            raise PlanError(f"options.{key}: a bound is not a number", "correct min or max")
        if low is not None and high is not None and low > high:
            raise PlanError(f"options.{key}: min {low:g} is above max {high:g}", "exchange them")
        if option.choices is not None and option.type not in ("str", "list"):
            raise PlanError(f"options.{key}: choices are for texts, not for {_kind(option)}", "leave them out")
        _exactly(key, option, option.default, "options")
    for profile, values in profiles.items():
        for key, value in values.items():
            if key not in options:
                raise PlanError(f"profile.{profile} sets {key!r}, which is no option", nearest(key, options))
            _exactly(key, options[key], value, f"profile.{profile}")


def check_sweep(options: Mapping[str, Option], sweep: Mapping[str, Sequence[OptionValue]]) -> None:
    """Raise PlanError where a sweep sets an option to what it does not allow."""
    for key, values in sweep.items():
        for value in values:
            _exactly(key, options[key], value, "sweep")


def _exactly(key: str, option: Option, value: OptionValue, owner: str) -> None:
    """Raise PlanError unless a card's own value is of the option's very type, and allowed."""
    right = {"int": int, "float": (int, float), "bool": bool, "str": str, "list": tuple}[option.type]
    if not isinstance(value, right) or (isinstance(value, bool) and option.type != "bool"):  # type: ignore[arg-type]
        raise PlanError(f"{owner}.{key} is of type {option.type!r}, and {value!r} is not", "correct one of them")
    _within(key, option, value, owner)


def _typed(key: str, option: Option, value: object, owner: str) -> OptionValue:
    try:
        result = _convert(option, value)
    except (ValueError, TypeError, KeyError):
        raise PlanError(
            f"option {key!r} of {owner} takes {_kind(option)}, not {value!r}", f"its default is {option.default!r}"
        ) from None
    _within(key, option, result, owner)
    return result


def _convert(option: Option, value: object) -> OptionValue:
    if option.type == "list":
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(part).strip() for part in parts if str(part).strip())  # type: ignore[attr-defined]
    if option.type == "bool":
        return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
    if isinstance(value, bool) or (option.type == "int" and isinstance(value, float)):
        raise ValueError
    return {"int": int, "float": float, "str": str}[option.type](value)  # type: ignore[no-any-return]


def _within(key: str, option: Option, value: OptionValue, owner: str) -> None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = option.min, option.max
        if value != value or (low is not None and value < low) or (high is not None and value > high):
            bounds = f"from {'-∞' if low is None else format(low, 'g')} to {'∞' if high is None else format(high, 'g')}"
            raise PlanError(f"option {key!r} of {owner} lies {bounds}, not at {value}", f"default {option.default!r}")
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, str) and (found := invisible(part)) is not None:
            raise PlanError(f"option {key!r} of {owner} holds the invisible character {found!a}", "leave it out")
        if option.choices is not None and part not in option.choices:
            raise PlanError(f"option {key!r} of {owner} cannot be {part!r}", nearest(str(part), option.choices))


def _kind(option: Option) -> str:
    return {
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "str": "a text",
        "list": "a list with commas",
    }[option.type]
