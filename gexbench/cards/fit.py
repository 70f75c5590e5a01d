"""Whether the cards of a run go together."""

from __future__ import annotations

from gexbench.cards.own import is_foreign, is_seeded, signature_of
from gexbench.cards.schema import AttackCard, Card, DatasetCard, DefenseCard, TaskCard, TaskProfile, VictimCard
from gexbench.errors import PlanError


def check_match(task: TaskCard, attack: AttackCard, defense: DefenseCard | None, victim: VictimCard) -> None:
    """Raise PlanError where a card is for another kind of task, or wants knowledge that the task does not grant."""
    cards: tuple[Card | None, ...] = (attack, defense)
    for card in cards:
        kinds = getattr(card, "task_kinds", (task.kind,))
        if card is not None and task.kind not in kinds:
            raise PlanError(
                f"{card.name!r} works on {', '.join(kinds)} tasks; {task.name!r} is {task.kind}", "gexbench list"
            )
    granted: set[str] = set(task.knowledge)
    if attack.is_control:
        granted |= {"weights", "twin", "truth"} if task.truth == "pairs" else {"weights", "twin"}
    for need in attack.needs:
        if need not in granted:
            raise PlanError(
                f"{attack.name!r} needs the knowledge {need!r}, which task {task.name!r} does not grant",
                f"it grants {', '.join(task.knowledge)}",
            )
    if attack.answers == "victim" and task.truth == "none":
        raise PlanError(
            f"{attack.name!r} is held against the truth, and task {task.name!r} knows none", "gexbench list attacks"
        )
    if attack.same_size and task.scale != 1:
        raise PlanError(
            f"{attack.name!r} copies services that keep the size; {task.name!r} enlarges by {task.scale}",
            "gexbench list attacks",
        )
    if victim.task_kind != task.kind or victim.scale != task.scale:
        raise PlanError(f"victim {victim.name!r} does not fit task {task.name!r}", "correct the task's profile")


def check_foreign(attack: AttackCard, defense: DefenseCard | None, victim: VictimCard) -> None:
    """Raise PlanError where more than answers is wanted of a victim that gives nothing else."""
    if not is_foreign(victim):
        return
    signature_of(victim)
    beyond = {"weights", "twin", "discriminator", "partial-real", *(["latents"] if is_seeded(victim) else [])}
    wanted = sorted(beyond & set(attack.needs))
    if wanted:
        raise PlanError(
            f"{attack.name!r} needs the knowledge {wanted[0]!r}, and of {victim.name!r} there are answers alone",
            "gexbench list attacks",
        )
    if defense is not None and (defense.prepares or defense.hardens):
        raise PlanError(
            f"{defense.name!r} works on the victim's weights, and of {victim.name!r} there are answers alone",
            "gexbench list defenses",
        )


def check_data(dataset: DatasetCard, usual: DatasetCard, scale: TaskProfile) -> None:
    """Raise PlanError where another data set than the profile's has other kinds of splits or images of another side."""
    parts, wanted = ({k for k, v in card.splits if v is not None} for card in (dataset, usual))
    if parts != wanted:
        raise PlanError(
            f"data set {dataset.name!r} has the splits {', '.join(sorted(parts))}; this task takes "
            f"{', '.join(sorted(wanted))}",
            "gexbench list datasets",
        )
    side = dataset.settings.get("side", scale.side)
    if scale.side is not None and side != scale.side:
        raise PlanError(
            f"data set {dataset.name!r} has images of {side} px, this task of {scale.side}", "gexbench list datasets"
        )


def check_owned(
    task: TaskCard, attack: AttackCard, defense: DefenseCard | None, dataset: DatasetCard, victim: VictimCard
) -> None:
    """Raise PlanError for what works with the owner's images where the data set has none, or nobody knows them."""
    if victim.dataset is not None and dataset.splits.owner is not None:
        return
    wants = {"partial-real"} | ({"truth"} if task.draws else set())
    asking: list[Card] = [attack] if wants & set(attack.needs) else []
    asking += [defense] if defense is not None and (defense.prepares or defense.hardens) else []
    for card in asking:
        if victim.dataset is None:
            raise PlanError(
                f"{card.name!r} works with the owner's images, and nobody here knows what {victim.name!r} learned from",
                "its weights are another's: gexbench victim list names those that were trained here",
            )
        raise PlanError(
            f"{card.name!r} works with the owner's images, and data set {dataset.name!r} has no split owner",
            "give the data set one, which the victim learned from",
        )


def check_owner(victim: VictimCard, learned: DatasetCard, dataset: DatasetCard) -> None:
    """Raise PlanError unless the data set's owner has the images the victim learned from, where that is known."""
    ours, theirs = ((card.reader, card.settings, card.splits.owner) for card in (dataset, learned))
    if ours != theirs or dataset.splits.owner is None:
        raise PlanError(
            f"victim {victim.name!r} learned from {learned.name!r}, not from the owner's images of {dataset.name!r}",
            "name two that go together with --victim and --dataset",
        )


def check_side(victim: VictimCard, scale: TaskProfile) -> None:
    """Raise PlanError where a victim has images of another side than the task's."""
    if victim.net.get("side", scale.side) != scale.side:
        raise PlanError(
            f"victim {victim.name!r} has images of {victim.net['side']} px, this task of {scale.side}",
            "gexbench victim list",
        )
