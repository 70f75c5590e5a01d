"""What cards say of victims that gexbench did not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from own_victim_factory import card_of

from gexbench.cards.own import arguments_of, is_foreign, signature_of
from gexbench.cards.schema import VictimCard
from gexbench.errors import CardError


def card(tmp_path: Path, **fields: Any) -> VictimCard:
    (tmp_path / "net").write_bytes(b"net")
    return card_of(tmp_path / "net", **fields)


def test_files_and_code_of_others_are_foreign_and_gexbenchs_own_networks_are_not(tmp_path: Path) -> None:
    assert is_foreign(card(tmp_path))
    assert is_foreign(card(tmp_path, backend="module", entry="mine:Net"))
    assert not is_foreign(card(tmp_path, backend="pytorch", entry="gexbench.victims.srgan:SRGAN"))


def test_images_are_from_black_0_to_white_1_unless_a_card_says_otherwise(tmp_path: Path) -> None:
    plain = signature_of(card(tmp_path))
    assert (plain.side, plain.latent_size, plain.takes, plain.gives) == (None, None, (0, 1), (0, 1))
    said = signature_of(card(tmp_path, net={"side": 32, "latent_size": 8, "takes": (-1, 1), "gives": (0, 255)}))
    assert (said.side, said.latent_size, said.takes, said.gives) == (32, 8, (-1, 1), (0, 255))


@pytest.mark.parametrize("net", [{"side": 0}, {"latent_size": 1 << 20}, {"gives": (1, 1)}, {"takes": 3}, {"gain": 1}])
def test_what_a_card_cannot_mean_is_one_line(net: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CardError, match=rf"victim 'own/net': net\.?{next(iter(net)) if 'gives' not in net else ''}"):
        signature_of(card(tmp_path, net=net))


def test_of_a_network_in_code_the_other_keys_are_for_its_class(tmp_path: Path) -> None:
    code = card(tmp_path, backend="module", entry="mine:Net", net={"channels": 3, "gives": (-1, 1)})
    assert arguments_of(code) == {"channels": 3}
    assert signature_of(code).gives == (-1, 1)
