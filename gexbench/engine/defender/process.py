"""The defense's process: runs a defense, foreign code, on one image at a time; it holds no victim and no ledger."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence

import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from gexbench.cards.entry import entry_of, load_entry
from gexbench.core.defense import MOMENTS, Claim, Defense, History, Trial
from gexbench.core.images import from_uint8
from gexbench.engine.wire.frames import BrokenFrame, Channel
from gexbench.engine.wire.guarding import (
    MOST_QUESTIONS,
    AskQuestions,
    Defends,
    DefenseFailed,
    Guarded,
    GuardOne,
    Harden,
    Hardened,
    Judge,
    Judged,
    Questions,
    StartDefense,
)
from gexbench.engine.wire.image_file import StoredImages, packed_images
from gexbench.engine.wire.messages import Message, Stop, receive, send
from gexbench.errors import GexbenchError
from gexbench.ownership import Scored


class Defender:
    """A defense that answers messages, in whichever process it lives; what it raises becomes a DefenseFailed."""

    def __init__(self) -> None:
        self._defense: Defense = Defense({})
        self._device = "cpu"
        self._begun: dict[int, History] = {}
        """Histories of questions whose first moment was called and whose last was not, by seed: both share one."""

    def reply(self, order: Message) -> Message:
        """Return the answer to an order of the service."""
        match order:
            case StartDefense():
                return _told(lambda: self._start(order))
            case Harden():
                return _told(lambda: self._harden(order))
            case GuardOne():
                return _told(lambda: self._guard(order))
            case AskQuestions():
                return _told(lambda: self._choose(order))
            case Judge():
                return _told(lambda: self._judge(order))
        raise BrokenFrame(f"{order.op!r} is no order for a defense")

    def _start(self, order: StartDefense) -> Defends:
        torch.set_num_threads(order.threads)
        self._defense, self._device = load_entry(order.entry, order.code)(dict(order.options)), order.device
        self._defense.key = bytes.fromhex(order.key)
        self._defense.prepared = {} if order.prepared is None else safetensors.torch.load_file(order.prepared)
        return self._defends()

    def _defends(self) -> Defends:
        return Defends(moments=self._moments())

    def _moments(self) -> tuple[str, ...]:
        own = {name: getattr(self._defense, name, None) for name in MOMENTS}
        return tuple(name for name, call in own.items() if call and _function(call) is not getattr(Defense, name))

    def _harden(self, order: Harden) -> Hardened | DefenseFailed:
        net: nn.Module = load_entry(order.entry)().build(order.net)
        net.load_state_dict(safetensors.torch.load(order.weights.numpy().tobytes()), strict=True)
        hardened = self._defense.harden(net.eval().to(self._device), StoredImages(order.owner))
        if not isinstance(hardened, nn.Module):
            return DefenseFailed(reason=f"returned {type(hardened).__name__}, not a network")
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in hardened.state_dict().items()}
        return Hardened(weights=as_tensor(safetensors.torch.save(state)), class_path=entry_of(type(hardened)))

    def _guard(self, order: GuardOne) -> Guarded | DefenseFailed:
        history = self._begun.get(order.seed) or History(order.answered, torch.Generator().manual_seed(order.seed))
        moments = [name for name in self._moments() if name in (order.moment, "guard_output")]
        if order.moment == moments[-1]:
            self._begun.pop(order.seed, None)
        else:
            self._begun[order.seed] = history
        given = [_floats(each) for each in (order.x, order.y) if each is not None]
        made = getattr(self._defense, order.moment)(*given, history)
        if not isinstance(made, Tensor):
            return DefenseFailed(reason=f"returned {type(made).__name__}, not a tensor")
        return Guarded(made=made.detach().cpu().contiguous())

    def _choose(self, order: AskQuestions) -> Questions | DefenseFailed:
        chosen = self._defense.questions(StoredImages(order.asked), StoredImages(order.common))
        if not isinstance(chosen, Sequence):
            return DefenseFailed(reason=f"returned {type(chosen).__name__}, not a sequence of images")
        images = [chosen[place] for place in range(min(len(chosen), MOST_QUESTIONS))]
        for image in images:
            if not isinstance(image, Tensor) or image.dim() != 3 or not image.is_floating_point():
                what = f"{image.dtype} {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
                return DefenseFailed(reason=f"returned {what} among the questions, no image (3,h,w) in floats")
        return Questions(images=as_tensor(packed_images(image.detach().cpu() for image in images)))

    def _judge(self, order: Judge) -> Judged | DefenseFailed:
        questions = () if order.questions is None else StoredImages(order.questions)
        claim = self._defense.claim(StoredImages(order.outputs), Trial(questions, StoredImages(order.plain)))
        if not isinstance(claim, Claim):
            return DefenseFailed(reason=f"returned {type(claim).__name__}, not a Claim")
        try:
            return Judged(claim=Scored(score=claim.score, p=claim.p, figures=dict(claim.figures)))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            return DefenseFailed(reason=f"returned a claim with {place} = {first['input']!r:.60}: {first['msg']}")


def as_tensor(content: bytes) -> Tensor:
    """Return bytes as a tensor, so that they travel."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _floats(x: Tensor) -> Tensor:
    return from_uint8(x) if x.dtype == torch.uint8 else x


def _function(call: object) -> object:
    return getattr(call, "__func__", call)


def _told(call: Callable[[], Message]) -> Message:
    try:
        return call()
    except GexbenchError as error:
        return DefenseFailed(reason=f"cannot be opened: {error}")
    except Exception as error:
        traceback.print_exc()
        return DefenseFailed(reason=f"raised {type(error).__name__}: {error}")


def main(argv: list[str]) -> int:
    """Run a defense on the descriptor in `argv`."""
    channel, defender = Channel.inherited(int(argv[0])), Defender()
    try:
        while True:
            order = receive(channel, StartDefense, Harden, GuardOne, AskQuestions, Judge, Stop)
            if order is None or isinstance(order, Stop):
                return 0
            send(channel, defender.reply(order))
    except BrokenFrame:
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
