"""Where a network runs, in which precision, and how much of it at once."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from ..cine.cine import CineError
from .registry import ANY_PRECISION, BFLOAT16, FLOAT16, FLOAT32, PRECISIONS

_MIB = 2**20
# More than this at once makes nothing faster: a CPU's caches are long full, a GPU's units busy.
_CPU_BUDGET = 128 * _MIB
_MPS_BUDGET = 512 * _MIB
_CUDA_BUDGET = 4096 * _MIB
_CUDA_SHARE_OF_FREE = 0.5

_TYPES = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16, FLOAT16: torch.float16}

def choose_device(wish: str = "auto") -> torch.device:
    """``"auto"`` is CUDA, else Apple's MPS, else the CPU. Raises CineError for a device that is not here."""
    if wish == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wish)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise CineError(f"device {wish!r} cannot be used here; take auto, cpu, or a GPU that torch sees") from None
    return device


def precision_on(device: torch.device, wish: str = ANY_PRECISION) -> torch.dtype:
    """The type that a network computes in; wish: one of ``PRECISIONS``.

    ``"auto"``: half precision where the device gains from it (CUDA: bfloat16 if its units know it, else float16; MPS:
    float16), float32 on a CPU, so that results agree from CPU to CPU. Raises CineError for a precision that a CPU would
    have to emulate, which takes longer than float32.
    """
    if wish not in PRECISIONS:
        raise CineError(f"precision {wish!r} is not one of {', '.join(PRECISIONS)}")
    if device.type == "cpu" and (wish == FLOAT16 or (wish == BFLOAT16 and not cpu_computes_in_bfloat16())):
        raise CineError(f"precision {wish}: this processor has no units for it; take auto or {FLOAT32}")
    if wish != ANY_PRECISION:
        return _TYPES[wish]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32


def cpu_computes_in_bfloat16() -> bool:
    """Whether the processor has units for it (AVX-512 BF16, AMX, or ARM's); else it would be emulated."""
    units = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(known and "bf16" in name for name, known in units.items())


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Computation in ``dtype`` with float32 kept where it matters (weights, sums, softmax)."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


def memory_budget(device: torch.device) -> int:
    """Bytes that one batch's intermediate results may take."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(min(_CUDA_BUDGET, free * _CUDA_SHARE_OF_FREE))
    return _MPS_BUDGET if device.type == "mps" else _CPU_BUDGET


def channels_last(network: nn.Module) -> nn.Module:
    """The network, its 2D convolutions laid out as they compute fastest."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.to(memory_format=torch.channels_last)
    return network


def release_memory(device: torch.device) -> None:
    """Give cached blocks back, so that a smaller batch finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
