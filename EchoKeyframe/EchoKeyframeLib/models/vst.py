"""The Video Swin Transformer over encoded frames, and the head that turns it into curves."""

from __future__ import annotations

from torch import Tensor, nn

from .config import NetworkConfig
from .torchvision_blocks import PatchMerging, ShiftedWindowAttention3d, SwinTransformerBlock


class VideoSwin(nn.Module):
    """Encoded frames ``[B, T, h, w, d]`` to one value in (0, 1) for each output ``[B, T, outputs]``.

    Stages of blocks that alternate window attention (W-MSA) and shifted-window attention (SW-MSA) over time and space;
    patch merging halves h and w, doubles d and keeps T. The head averages what is left of the map, then dropout and a
    linear layer. Values go through a sigmoid: the targets lie in [0, 1], and so does every mean over windows.
    """

    def __init__(self, config: NetworkConfig, grid: int) -> None:
        super().__init__()
        self.embed = nn.LayerNorm(config.width)
        stages: list[nn.Module] = []
        width = config.width
        for number, (depth, heads) in enumerate(zip(config.depths, config.heads, strict=True)):
            stages.append(_stage(config, width, depth, heads, grid))
            if config.last_merging or number + 1 < len(config.depths):
                stages.append(PatchMerging(width))
                width, grid = 2 * width, (grid + 1) // 2
        self.stages = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.linear = nn.Linear(width, len(config.outputs))

    def forward(self, features: Tensor) -> Tensor:
        maps = self.norm(self.stages(self.embed(features)))
        return self.linear(self.dropout(maps.mean((2, 3)))).sigmoid()


def _stage(config: NetworkConfig, width: int, depth: int, heads: int, grid: int) -> nn.Sequential:
    """Blocks of one stage on a map of ``grid`` x ``grid``.

    The window is cut to the map here rather than left to torchvision, which would keep a table of relative positions
    for the larger window and read it at the wrong places. A window as large as the map has nowhere to shift.
    """
    extent = (config.frames, grid, grid)
    window = [min(w, n) for w, n in zip(config.attention_window, extent, strict=True)]
    shift = [w // 2 if w < n else 0 for w, n in zip(window, extent, strict=True)]
    blocks = [
        SwinTransformerBlock(
            width,
            heads,
            window_size=list(window),
            shift_size=shift if number % 2 else [0, 0, 0],
            mlp_ratio=config.mlp_ratio,
            dropout=config.block_dropout,
            attn_layer=ShiftedWindowAttention3d,
        )
        for number in range(depth)
    ]
    for block in blocks:
        # A constant that follows from the window: kept out of weights files, where it would outweigh the weights.
        index = block.attn.relative_position_index
        block.attn.register_buffer("relative_position_index", index, persistent=False)
    return nn.Sequential(*blocks)
