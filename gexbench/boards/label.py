"""What a row, a defense or a table is called, and by what two records belong together."""

from __future__ import annotations

from collections.abc import Mapping

from gexbench.cards.fields import OptionValue
from gexbench.cards.options import effective
from gexbench.cards.schema import AttackCard, DefenseCard
from gexbench.plan import Plan
from gexbench.record import RunRecord


def attack_label(plan: Plan) -> str:
    """Return the attack's name with the options that differ from its card, such as `srresnet (steps=100)`."""
    return _label(plan.attack, plan.options, plan.profile.name)


def defense_label(plan: Plan) -> str:
    """Return the defense's name with the options that differ from its card; empty without a defense."""
    return _label(plan.defense, plan.defense_options, plan.profile.name) if plan.defense else ""


def _label(card: AttackCard | DefenseCard, options: Mapping[str, OptionValue], profile: str) -> str:
    usual = effective(card.options, card.profile.get(profile, {}), (), repr(card.name))
    changed = [f"{key}={_text(value)}" for key, value in sorted(options.items()) if usual.get(key) != value]
    version = f"@{card.version}" if card.version > 1 else ""
    return card.name + version + (f" ({', '.join(changed)})" if changed else "")


def _text(value: OptionValue) -> str:
    if isinstance(value, tuple):
        return "+".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def table_key(plan: Plan) -> tuple[str, int, str]:
    """Return what records of one table have in common: profile, budget, defense."""
    return plan.profile.name, plan.budget, defense_label(plan)


def row_key(plan: Plan) -> tuple[str, int, str, str]:
    """Return what records of one row have in common: its table, and the attack with its options."""
    return *table_key(plan), attack_label(plan)


def record_place(record: RunRecord) -> str:
    """Return where a record lies in its board's folder."""
    return f"records/{record.run_name}.json"
