"""Layers with an equalised learning rate: weights of variance one, scaled when they are used."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EqualConv2d(nn.Module):
    """Convolve: (N,inputs,H,W) to (N,outputs,H,W), or to (N,outputs,(H-kernel)//stride+1,...) at other strides than 1.

    Weights start at N(0,1), biases at 0; weights are multiplied by gain / sqrt(inputs * kernel^2) when they are used.
    kernel: its side, odd. stride: at 1 a border of zeros keeps the sides; at others there is no border, what filters
    the images before adds it. bias: whether each output has one. Source: Karras, Aila, Laine and Lehtinen 2018, section
    4.1 (arXiv 1710.10196).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, gain: float = 1.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.scale = gain / (inputs * kernel**2) ** 0.5
        self.stride, self.padding = stride, kernel // 2 if stride == 1 else 0
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights from torch's global generator."""
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved images."""
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class EqualLinear(nn.Module):
    """Multiply by a matrix: (N,inputs) to (N,outputs).

    Weights start at N(0,1) and are multiplied by gain / sqrt(inputs) when they are used. bias: the value biases start
    at, None for no biases. rate: what the learning rate is multiplied by: parameters are kept divided by it, so that a
    step of the optimiser moves what is used by that much less. Source: Karras, Aila, Laine and Lehtinen 2018, section
    4.1; Karras, Laine and Aila 2019, appendix C, for the rate (arXiv 1812.04948).
    """

    def __init__(
        self, inputs: int, outputs: int, bias: float | None = 0.0, *, gain: float = 1.0, rate: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = None if bias is None else nn.Parameter(torch.empty(outputs))
        self.scale, self.rate, self.start = gain * rate / inputs**0.5, rate, bias or 0.0
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights from torch's global generator."""
        nn.init.normal_(self.weight, std=1.0 / self.rate)
        if self.bias is not None:
            nn.init.constant_(self.bias, self.start / self.rate)

    def forward(self, x: Tensor) -> Tensor:
        """Return the products, biases added."""
        return F.linear(x, self.weight * self.scale, None if self.bias is None else self.bias * self.rate)
