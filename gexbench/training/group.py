"""Several processes that train the same nets: each takes its share of every batch, and all keep the same weights.

The group is torch.distributed's, which whoever starts the processes opens (see engine.run.together). Numbers do not
depend on how many there are: a step draws its whole batch everywhere, by the seeds that one process would use, and each
process goes on with its rows; gradients and losses are means over the whole batch; layers that mix images see all of
it. Where no group is open, nothing here does anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from gexbench.errors import PlanError, RunFailed


def size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def is_first() -> bool:
    """Say whether this process is the one that writes files."""
    return size() == 1 or distributed.get_rank() == 0


def share(batch: Tensor) -> Tensor:
    """Return this process's rows of a batch, of which all have as many; raises PlanError where that cannot be."""
    if size() == 1:
        return batch
    if len(batch) % size():
        raise PlanError(
            f"a batch of {len(batch)} cannot be shared evenly by {size()} processes",
            "start a number of processes that divides it",
        )
    return batch.chunk(size())[distributed.get_rank()]


def average_gradients(optimiser: torch.optim.Optimizer) -> None:
    """Replace the gradients of an optimiser's weights by their means over the group."""
    if size() == 1:
        return
    gradients = [w.grad for part in optimiser.param_groups for w in part["params"] if w.grad is not None]
    whole = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(whole)
    for gradient, mean in zip(gradients, (whole / size()).split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


def averaged(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Return losses as numbers, means over the group."""
    if size() == 1 or not losses:
        return {name: float(loss) for name, loss in losses.items()}
    whole = torch.stack([loss.float().reshape(()) for loss in losses.values()])
    distributed.all_reduce(whole)
    return dict(zip(losses, (whole / size()).tolist(), strict=True))


def refuse_apart(value: object, what: str) -> None:
    """Raise RunFailed, in all processes, unless they have the same value; what: it, in words."""
    if size() > 1:
        found: list[Any] = [None] * size()
        distributed.all_gather_object(found, value)
        if any(each != found[0] for each in found):
            raise RunFailed(f"processes that train together do not have the same {what}", "let them share one disk")


def digest(members: Iterable[object]) -> str:
    """Return a hash of the weights of those members that are nets."""
    total = hashlib.blake2b(digest_size=16)
    for net in members:
        if isinstance(net, nn.Module):
            for name, value in net.state_dict().items():
                total.update(name.encode())
                total.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def join(*nets: nn.Module) -> None:
    """Let the layers of nets that are trained together see whole batches; in place, for good.

    Batch norm takes its statistics of all rows, dropout draws for all rows. Raises PlanError for another layer of these
    kinds, since it would make the weights depend on the number of processes.
    """
    for module in (module for net in nets for module in net.modules() if size() > 1):
        kind = type(module)
        if kind in _WHOLE:
            module.__class__ = _WHOLE[kind]
        elif kind not in _WHOLE.values() and isinstance(module, _MIXING):
            raise PlanError(f"a net with layers of {kind.__name__} is not trained by {size()} processes", "start one")


class _Sum(torch.autograd.Function):
    """The sum of a tensor over the group, with gradients."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """Return the sum."""
        return _summed(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Return the sum of what it meant to everybody."""
        return _summed(gradient)


def _summed(x: Tensor) -> Tensor:
    whole = x.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(whole)
    return whole


class _WholeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are those of all rows. torch's own such layer has no form for CPUs."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,C,h,w) normalised."""
        if not self.training or size() == 1:
            return super().forward(x)
        count = size() * x.numel() // x.shape[1]
        with torch.autocast(x.device.type, enabled=False):
            mean = _Sum.apply(x.float().sum(dim=(0, 2, 3))) / count
            apart = x.float() - mean.view(1, -1, 1, 1)
            variance = _Sum.apply(apart.square().sum(dim=(0, 2, 3))) / count
            with torch.no_grad():
                self._remember(mean, variance * (count / (count - 1)))
            y: Tensor = apart * (variance + self.eps).rsqrt().view(1, -1, 1, 1)
            if self.affine:
                y = y * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return y.to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share_of_new = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share_of_new)
        self.running_var.lerp_(variance, share_of_new)


class _WholeDropout(nn.Dropout):
    """Dropout that draws for all rows, as one process would, and keeps what it drew for its own."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x with some values dropped."""
        if not self.training or size() == 1:
            return super().forward(x)
        ones = torch.ones(size() * len(x), *x.shape[1:], dtype=x.dtype, device=x.device)
        if x.ndim == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
            ones = ones.to(memory_format=torch.channels_last)  # draws lie as the values in memory do
        return x * share(F.dropout(ones, self.p))


_WHOLE: dict[type[nn.Module], type[nn.Module]] = {nn.BatchNorm2d: _WholeBatchNorm2d, nn.Dropout: _WholeDropout}
_MIXING = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, nn.AlphaDropout)
