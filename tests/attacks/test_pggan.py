"""The attack that fits a PGGAN to what a service drew."""

from __future__ import annotations

from pathlib import Path

from gexbench.attacks.pggan import PGGANAttack

from .drawing import NUMBERS, DrawingDoor, drawing_brief, light_of

PGGAN = {"latent_size": 8, "fmap_base": 32, "fmap_max": 8}


def test_it_queries_the_whole_budget_and_draws_as_the_service_does(tmp_path: Path) -> None:
    for light in (0.1, 0.9):
        door = DrawingDoor(70, side=8, light=light)
        options = {**PGGAN, **NUMBERS, "steps": 30, "batch": 8}
        net = PGGANAttack().extract(door, drawing_brief(tmp_path / str(light), options))
        assert abs(light_of(net) - light) < 0.2
        assert door.remaining == 0
        assert (net.latent_size, net.grown, net.training) == (8, 8, False)
