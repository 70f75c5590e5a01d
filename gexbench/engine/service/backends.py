"""What opens victims, by the name of the backend on their cards. Never imports torch."""

from __future__ import annotations

BACKENDS = {
    "pytorch": "gexbench.engine.service.pytorch_victim:PyTorchVictim",
    "module": "gexbench.engine.service.own_pytorch_victim:OwnPyTorchVictim",
    "torchscript": "gexbench.engine.service.torchscript_victim:TorchScriptVictim",
    "onnx": "gexbench.engine.service.onnx_victim:OnnxVictim",
}
"""Called as `open_victim` is, with the card first; with the folder of its code where there is one."""
TRIAL = "gexbench.engine.service.signature:check_signature"
"""What sees whether a foreign victim is what its card says."""
