"""What the phantom simulates and which of its parts are switched on."""

from __future__ import annotations

from dataclasses import dataclass

VIEWS = ("A4C", "A2C", "A3C", "PLAX", "PSAX", "SC4C")
"""Apical four, two and three chambers, parasternal long and short axis, subcostal four chambers."""

RARE = (
    "right_overload", "bundle_branch", "effusion", "ballooning", "handheld", "sweeping_shadow", "annotations",
    "device", "colour", "transcoding", "splice", "replay",
)  # fmt: skip
"""Parts that only some clips have; their values are probabilities."""


@dataclass(frozen=True)
class PhantomConfig:
    """Ranges of the simulated clips and a switch for each major part, so that a part's worth can be measured.

    frames, size: T and S of the frames ``[T, S, S]``. rows, beams: samples along and across the beams.
    fps, heart_rate (beats/min, 20 to 200), ejection_fraction (%, up to 85): ``(lowest, highest)``; equal numbers fix
    the value.
    views: any of ``VIEWS``; ``view_weights`` gives their relative shares (None: all alike).
    mask: also return the LV cavity of each frame. traced: also return its border as readers trace it, and show in some
    clips the trabeculae within it.

    Switches: drift (probe and patient motion, sway), breathing, arrhythmia (atrial fibrillation, ectopic beats),
    regional (defects, dyssynchrony, unequal walls), isovolumic (walls that move while both valves are closed), upended
    (some clips with the apex at the bottom, as children's hearts are shown), leaflets (valve motion is visible),
    dropout (walls that fade, shadows, attenuation), clutter (near-field clutter, reverberation, haze), noise (moving
    blood, electronic noise), degradation (views that get worse within the clip), processing (persistence, edge
    enhancement, varied gain and dynamic range), overlays, compression.

    Probabilities (``RARE``; 0 or False: none, 1: every clip that can show it): right_overload (large right ventricle,
    flat or bouncing septum), bundle_branch (septal flash, late free wall), effusion (fluid around a swinging heart),
    ballooning (apex that hardly moves, EF below 50 %), handheld (narrow, coarse sector), sweeping_shadow, annotations
    (text and ECG inside the picture), device (pacemaker lead, clip on the mitral valve), colour (Doppler box or whole
    sector), transcoding (frames repeated, blended, frozen, compressed again), splice (the film jumps within the loop),
    replay (the loop starts again, or runs backwards). The last two are for tests: no clip has them unless asked for.

    Raises ValueError for unknown views, empty ranges, impossible probabilities or sizes too small to show a heart.
    """

    frames: int = 64
    size: int = 112
    rows: int = 112
    beams: int = 72
    fps: tuple[float, float] = (8.0, 120.0)
    heart_rate: tuple[float, float] = (40.0, 160.0)
    ejection_fraction: tuple[float, float] = (8.0, 75.0)
    views: tuple[str, ...] = VIEWS
    view_weights: tuple[float, ...] | None = (5.0, 2.0, 2.0, 2.0, 1.5, 0.7)
    mask: bool = False
    traced: bool = False
    drift: bool = True
    breathing: bool = True
    arrhythmia: bool = True
    regional: bool = True
    isovolumic: bool = True
    upended: bool = True
    leaflets: bool = True
    dropout: bool = True
    clutter: bool = True
    noise: bool = True
    degradation: bool = True
    processing: bool = True
    overlays: bool = True
    compression: bool = True
    right_overload: float = 0.15
    bundle_branch: float = 0.06
    effusion: float = 0.06
    ballooning: float = 0.08
    handheld: float = 0.1
    sweeping_shadow: float = 0.07
    annotations: float = 0.07
    device: float = 0.06
    colour: float = 0.07
    transcoding: float = 0.1
    splice: float = 0.0
    replay: float = 0.0

    def __post_init__(self) -> None:
        if not self.views or not set(self.views) <= set(VIEWS):
            raise ValueError(f"views must be some of {', '.join(VIEWS)}, got {self.views}")
        if self.view_weights is not None and len(self.view_weights) != len(self.views):
            object.__setattr__(self, "view_weights", None)
        for name in ("fps", "heart_rate", "ejection_fraction"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be a range above 0, got {low} to {high}")
        low, high = self.heart_rate
        if low < 20 or high > 200:
            raise ValueError(f"heart_rate lies between 20 and 200 beats a minute, got {low} to {high}")
        if self.ejection_fraction[1] > 85:
            raise ValueError(f"ejection_fraction goes up to 85 %, got {self.ejection_fraction[1]}")
        for name in RARE:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability from 0 to 1, got {getattr(self, name)}")
        if self.frames < 1 or min(self.size, self.rows, self.beams) < 16:
            raise ValueError("a phantom needs at least 1 frame and 16 pixels, rows and beams")
