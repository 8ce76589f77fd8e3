"""Scaled dot-product attention."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # before PyTorch 2.7


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(q kᵀ / √d) v (Vaswani et al., 2017, Eq. 1): (…,M,d), (…,N,d), (…,N,e) to (…,M,e).

    Where a CPU learns the product is written out: PyTorch's fused kernel and its gradient take two to five
    times as long there. So it is in an exported program: ONNX knows the fused one for heads only.
    """
    if query.device.type == "cpu" and (torch.is_grad_enabled() or _is_exporting()):
        return attention_weights(query, key) @ value
    if query.is_cuda and query.ndim == 3:  # a GPU's fused kernels know heads only
        heads = (tokens[:, None] for tokens in (query, key, value))
        return F.scaled_dot_product_attention(*heads)[:, 0]
    return F.scaled_dot_product_attention(query, key, value)


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """softmax(q kᵀ / √d): (…,M,d) and (…,N,d) to (…,M,N)."""
    return (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(-1)
