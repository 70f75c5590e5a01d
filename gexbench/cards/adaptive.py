"""Options that every attack takes beside those of its card: what it does against a defended service.

They are done to questions and answers on their way, not by the attack's own code (see core.adapt), so no card names
them and a plan holds only those that are not at their default: without them it is what it always was.
"""

from __future__ import annotations

from collections.abc import Mapping

from gexbench.cards.fields import OptionValue
from gexbench.cards.schema import AttackCard, Option, TaskCard
from gexbench.errors import PlanError

PURIFIERS = ("none", "jpeg", "blur", "median", "denoise", "overwrite")
ADAPTIVE: Mapping[str, Option] = {
    "purify": Option(
        type="str",
        default="none",
        choices=PURIFIERS,
        help="what is done to every answer: JPEG at quality 75, blur of sigma 1, median of 3x3, total-variation "
        "denoising, or a keyed pattern of the attacker's own on top",
    ),
    "jitter": Option(
        type="int",
        default=1,
        min=1,
        max=9,
        help="how many copies of each question are asked, shifted by 4 pixels; answers are shifted back and averaged, "
        "and every copy is paid for",
    ),
    "augment": Option(
        type="str",
        default="none",
        choices=("none", "flip"),
        help="what is done to drawn images, each with probability one half: mirror. Where services take images, the "
        "attack's card has this option, or the attack does not augment",
    ),
}


def accepted(card: AttackCard) -> dict[str, Option]:
    """Return the options that an attack takes beside its card's; none for a control, and none the card has itself."""
    return {} if card.is_control else {key: option for key, option in ADAPTIVE.items() if key not in card.options}


def adaptive(card: AttackCard, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return what of a plan's options is none of the card's."""
    return {key: value for key, value in options.items() if key not in card.options}


def said(card: AttackCard, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return options without the adaptive ones that are at their default."""
    return {key: value for key, value in options.items() if key in card.options or value != ADAPTIVE[key].default}


def check_adaptive(task: TaskCard, card: AttackCard, options: Mapping[str, OptionValue], budget: int) -> None:
    """Raise PlanError where adaptive options do not fit the task or the budget, or stand there at their default."""
    given = adaptive(card, options)
    if extra := given.keys() - said(card, given).keys():
        raise PlanError(f"option {min(extra)!r} of {card.name!r} is at its default", "leave it out of the plan")
    jitter = given.get("jitter", 1)
    if jitter != 1 and task.draws:
        raise PlanError(
            f"jitter changes questions, and the service of {task.name!r} is asked none: it draws",
            "purify and augment work there",
        )
    if isinstance(jitter, int) and jitter > budget:
        raise PlanError(f"a budget of {budget} pays for no question in {jitter} copies", "set jitter lower")
    if "augment" in given and not task.draws:
        raise PlanError(
            f"attack {card.name!r} has no option 'augment' on its card: it does not augment pairs",
            "purify and jitter work there",
        )
    if "augment" in given and "latents" in card.needs:
        raise PlanError(
            f"attack {card.name!r} learns which latent made which image; a mirrored image was made by another",
            "purify works there",
        )
