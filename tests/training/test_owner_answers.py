"""What a victim answers to its owner."""

from __future__ import annotations

from pathlib import Path

import torch
from owner_factory import place_in, scenes
from torch import Tensor, nn

from gexbench.core.images import to_uint8
from gexbench.training.owner_answers import owner_answers


class _Enlarger(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


class _Draws(nn.Module):
    latent_size = 4

    def forward(self, z: Tensor) -> Tensor:
        return z.sigmoid().mean(1)[:, None, None, None].expand(-1, 3, 8, 8)


def test_answers_are_to_images_spread_over_all_of_the_owners(tmp_path: Path) -> None:
    owner = scenes(10, 8, 8)
    got = owner_answers(nn.Identity(), owner, 5, place_in(tmp_path))
    assert torch.equal(torch.stack(got.answers), to_uint8(torch.stack(owner[::2])))
    assert torch.equal(torch.stack(got.questions), torch.stack(got.answers))
    assert len(owner_answers(nn.Identity(), owner, 99, place_in(tmp_path)).answers) == 10


def test_where_answers_are_larger_the_owners_images_are_shrunk_to_be_asked(tmp_path: Path) -> None:
    got = owner_answers(_Enlarger(), scenes(2, 9, 12), 2, place_in(tmp_path, scale=2))
    assert [tuple(answer.shape) for answer in got.answers] == [(3, 8, 12)] * 2
    assert [tuple(question.shape) for question in got.questions] == [(3, 4, 6)] * 2


def test_a_victim_that_draws_draws_by_the_seed(tmp_path: Path) -> None:
    got = owner_answers(_Draws(), (), 70, place_in(tmp_path))
    assert (len(got.answers), len(got.questions)) == (70, 0)
    assert len({int(answer[0, 0, 0]) for answer in got.answers}) > 10
    again = owner_answers(_Draws(), (), 70, place_in(tmp_path))
    assert torch.equal(torch.stack(got.answers), torch.stack(again.answers))
