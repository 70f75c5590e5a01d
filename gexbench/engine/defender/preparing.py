"""The process in which a defense, foreign code, is prepared: it sees the victim and its owner's images, and no run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping

import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.core.attack import Progress
from gexbench.core.defense import Defense, Place
from gexbench.engine.defender.process import as_tensor
from gexbench.engine.store.weights import load_weights
from gexbench.engine.wire import messages
from gexbench.engine.wire.frames import BrokenFrame, Channel
from gexbench.engine.wire.guarding import Prepare, Prepared
from gexbench.engine.wire.image_file import StoredImages
from gexbench.engine.wire.messages import Failed, Ready, Stop, receive, send
from gexbench.errors import GexbenchError


def prepare(order: Prepare, progress: Progress) -> Prepared:
    """Have a defense prepared; raises whatever it raises, and TypeError where it returns no tensors."""
    torch.set_num_threads(order.threads)
    torch.manual_seed(order.seed)
    victim: nn.Module = load_entry(order.victim)().build(order.net)
    load_weights(victim, order.weights, order.digest, order.net)
    defense: Defense = load_entry(order.entry, order.code)(dict(order.options))
    place = Place(
        style=() if order.style is None else StoredImages(order.style),
        scale=order.scale,
        assets=order.assets,
        device=torch.device(order.device),
        precision=order.precision,
        seed=order.seed,
        workdir=order.workdir,
        progress=progress,
    )
    made = defense.prepare(victim.eval().to(order.device), StoredImages(order.owner), place)
    if not isinstance(made, Mapping) or not all(isinstance(tensor, Tensor) for tensor in made.values()):
        raise TypeError("it returned no mapping from names to tensors")
    state = {str(name): tensor.detach().cpu().contiguous().clone() for name, tensor in made.items()}
    return Prepared(content=as_tensor(safetensors.torch.save(state)))


def happened(error: BaseException) -> str:
    """Say what a defense did, to follow its name."""
    if isinstance(error, GexbenchError):
        return f"stopped: {error}"
    return f"raised {type(error).__name__}: {error}"


def _serve(channel: Channel) -> None:
    def progress(what: str, done: int, total: int) -> None:
        send(channel, messages.Progress(what=what, done=int(done), total=int(total)))

    send(channel, Ready())
    order = receive(channel, Prepare, Stop)
    if isinstance(order, Prepare):
        send(channel, prepare(order, progress))
        receive(channel, Stop)


def main(argv: list[str]) -> int:
    """Prepare a defense on the descriptor in `argv`."""
    channel = Channel.inherited(int(argv[0]))
    try:
        _serve(channel)
    except BrokenFrame:
        return 1
    except BaseException as error:
        traceback.print_exc()
        send(channel, Failed(reason=happened(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
