"""What opens victims, by the name of the backend on their cards. Never imports torch."""

from __future__ import annotations

from gexbench.cards.own import is_foreign
from gexbench.cards.schema import VictimCard

BACKENDS = {
    "pytorch": "gexbench.engine.service.pytorch_victim:PyTorchVictim",
    "torchscript": "gexbench.engine.service.torchscript_victim:TorchScriptVictim",
    "onnx": "gexbench.engine.service.onnx_victim:OnnxVictim",
}
"""Called as `open_victim` is, with the card first."""
OWN_CODE = "gexbench.engine.service.own_pytorch_victim:OwnPyTorchVictim"
"""What opens a network whose class lies beside its card."""

TRIAL = "gexbench.engine.service.signature:check_signature"
"""What sees whether a foreign victim is what its card says."""


def backend_of(card: VictimCard) -> str:
    """Return the entry of what opens a victim."""
    return OWN_CODE if card.backend == "pytorch" and is_foreign(card) else BACKENDS[card.backend]
