"""Plans and orders for tests of one part of a run, without the run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from gexbench.cards.catalog import Catalog
from gexbench.engine.wire.messages import OpenService, StartAttack, StartSurrogate
from gexbench.plan import Identity, Plan, Request, resolve

HANG = 60.0
"""Seconds after which a test that waits in vain gives up; one that passes never waits for long."""


@cache
def catalog() -> Catalog:
    """Return the packaged cards."""
    return Catalog.load()


def plan(task: str = "sr", attack: str = "srresnet", **request: Any) -> Plan:
    """Return a plan; `request` as in plan.Request."""
    return resolve(Request(task, attack, **request), catalog(), Identity("", "", ""))


def open_service(folder: Path, **changes: Any) -> OpenService:
    """Return the order to open a service that keeps its ledger in `folder`."""
    fields: dict[str, Any] = {
        "plan": plan(),
        "weights": folder / "victim.safetensors",
        "ledger": folder / "ledger.sqlite",
        "device": "cpu",
        "threads": 1,
    }
    return OpenService(**{**fields, **changes})


def start_attack(folder: Path, **changes: Any) -> StartAttack:
    """Return the order to start an attack that works in `folder`."""
    fields: dict[str, Any] = {
        "kind": "image-to-image",
        "entry": "gexbench.attacks.identity:IdentityControl",
        "code": None,
        "pool": folder / "pool.safetensors",
        "scale": 1,
        "side": None,
        "budget": 8,
        "knowledge": ("outputs",),
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "seed": 3,
        "deadline": 60.0,
        "options": {},
        "workdir": folder,
        "private": (folder / "private",),
        "writable": (folder,),
    }
    return StartAttack(**{**fields, **changes})


def start_surrogate(folder: Path, **changes: Any) -> StartSurrogate:
    """Return the order to build the surrogate that is kept in `folder`."""
    fields: dict[str, Any] = {
        "kind": "image-to-image",
        "folder": folder,
        "code": None,
        "scale": 1,
        "side": None,
        "device": "cpu",
        "threads": 1,
        "seed": 3,
        "private": (folder / "private",),
        "writable": (folder / "scratch",),
    }
    return StartSurrogate(**{**fields, **changes})


def quiet(what: str, done: int, total: int) -> None:
    """Take no notice of progress."""
