"""Recurrent layers over a sequence of vectors."""

from __future__ import annotations

from torch import Tensor, nn


class RecurrentLayers(nn.Module):
    """torch's LSTM or GRU layers one behind the other, each with its own number of units.

    ``[B, T, inside]`` to ``[B, T, hidden[-1]]``; dropout stands before each layer but the first.
    """

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], inside: int, hidden: tuple[int, ...], dropout: float):
        super().__init__()
        sizes = zip((inside, *hidden), hidden, strict=False)
        self.layers = nn.ModuleList(kind(before, units, batch_first=True) for before, units in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, sequence: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            sequence, _ = layer(self.dropout(sequence) if number else sequence)
        return sequence
