"""Which clips have which of the parts that only some have."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .config import RARE, PhantomConfig
from .draws import Draws

LONG_AXIS = ("A3C", "PLAX")
RIGHT_HEART = ("A4C", "SC4C")
SHORT_AXIS = "PSAX"

SHOWN_IN = {
    "right_overload": (*RIGHT_HEART, SHORT_AXIS, "PLAX"),
    "bundle_branch": (*RIGHT_HEART, *LONG_AXIS, SHORT_AXIS),
    "ballooning": ("A2C", *RIGHT_HEART, *LONG_AXIS),
    "device": ("A2C", *RIGHT_HEART, *LONG_AXIS),
}
"""Views that show a part; parts that are not named here are seen in all."""

MOST_EJECTED_BALLOONING = 0.5


class Variants:
    """The rare parts of B clips: ``variants["effusion"]`` is 1 or 0 for each, ``[B, 1, 1, 1]``.

    Whether a clip has a part follows from one number of the part's own, so a higher probability adds clips and
    leaves those that have it already.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        views: Sequence[str],
        ejection: Tensor,
        config: PhantomConfig,
        device: torch.device | str = "cpu",
    ) -> None:
        self._present: dict[str, Tensor] = {}
        for part in RARE:
            draws = Draws(seeds, part, device)
            shown = draws.tensor([float(view in SHOWN_IN.get(part, (view,))) for view in views])
            self._present[part] = draws.chance(float(getattr(config, part))) * shown
        self._present["ballooning"] *= ejection < MOST_EJECTED_BALLOONING

    def __getitem__(self, part: str) -> Tensor:
        return self._present[part]

    def names(self) -> list[str]:
        """For each clip the names of its parts, with spaces between; ``""`` where it has none."""
        flags = {part: present.flatten().tolist() for part, present in self._present.items()}
        count = len(next(iter(flags.values())))
        return [" ".join(part for part, present in flags.items() if present[clip]) for clip in range(count)]
