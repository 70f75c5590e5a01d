"""What opens victims, by the name of the backend on their cards. Never imports torch."""

from __future__ import annotations

BACKENDS = {
    "pytorch": "gexbench.engine.service.pytorch_victim:PyTorchVictim",
    "module": "gexbench.engine.service.own_pytorch_victim:OwnPyTorchVictim",
    "torchscript": "gexbench.engine.service.torchscript_victim:TorchScriptVictim",
    "onnx": "gexbench.engine.service.onnx_victim:OnnxVictim",
    "diffusers": "gexbench.engine.service.diffusers_victim:DiffusersVictim",
    "http": "gexbench.engine.service.http_victim:HttpVictim",
}
"""Called as `open_victim` is, with the card first; where there is a folder of code, or a way to reach it, with that."""
TRIAL = "gexbench.engine.service.signature:check_signature"
"""What sees whether a foreign victim is what its card says."""
