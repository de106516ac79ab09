"""Simulated echo cines with known keyframes.

A clip is fully given by its seed and the configuration: ``simulate([7, 8], config)`` and ``simulate([8], config)``
agree on clip 8. Blood and electronic noise are drawn on the device, so clips from a CPU and a GPU differ in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .annotations import annotate
from .beating import Beating
from .border import BORDER_POINTS, Border
from .chambers import Chambers, View
from .config import PhantomConfig
from .disease import Disease
from .doppler import Doppler
from .draws import Draws
from .effusion import Effusion
from .implants import Implants
from .leaflets import Leaflets
from .overlays import compress, draw_coarseness, draw_overlays
from .probe import Scan, draw_pose
from .rhythm import Rhythm
from .scan_conversion import ScanConversion
from .scanner import Scanner
from .short_axis import ShortAxis
from .splicing import Splicing
from .swing import Swing
from .tissue import Scattering
from .transcoding import Transcoding
from .variants import LONG_AXIS, RIGHT_HEART, SHORT_AXIS, Variants
from .ventricle import Ventricle


@dataclass(frozen=True, eq=False)
class PhantomBatch:
    """Simulated clips and their truth.

    frames: uint8 ``[B, T, S, S]`` on the device. fps: float64 ``[B]``; frame t is taken at ``t / fps``.
    ed, es: for each clip the times in s of all ED and ES, float64, ascending, with at least one before the first
    frame and one after the last; multiply by fps for (fractional) frame indices.
    volume: float32 ``[B, T]`` on the device, 1 at ED, 0 at ES. mitral, aortic: float32 ``[B, T]`` on the device, the
    opening of the valve, 0 closed to 1 wide open.
    mask: bool ``[B, T, S, S]``, the LV cavity, or None unless the configuration asks for it. contour: float32
    ``[B, T, BORDER_POINTS, 2]``, the LV's border as readers trace it, (x, y) in pixels, from the end of the annulus at
    the heart's left (``ventricle``) over the apex to the other; NaN in short axis; None unless asked for.
    cuts: for each clip the frames at which the film starts a piece from elsewhere in its loop, ``()`` where there are
    none; ``ed``, ``es`` and all curves are those of the film.
    variants: for each clip the rare parts that it has, ``"effusion colour"`` or ``""``. view: name of its view.
    ejection_fraction: %, ``[B]``. heart_rate: beats/min, ``[B]``. arrhythmia: ``""``, ``"fibrillation"`` or
    ``"ectopic"``. pixel_mm: size of a pixel, mm, ``[B]``. seeds: ``[B]``.
    """

    frames: Tensor
    fps: np.ndarray
    ed: list[np.ndarray]
    es: list[np.ndarray]
    cuts: list[tuple[int, ...]]
    volume: Tensor
    mitral: Tensor
    aortic: Tensor
    mask: Tensor | None
    contour: Tensor | None
    view: list[str]
    variants: list[str]
    ejection_fraction: np.ndarray
    heart_rate: np.ndarray
    arrhythmia: list[str]
    pixel_mm: np.ndarray
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.seeds)

    def times(self) -> np.ndarray:
        """Frame times in s, float64 ``[B, T]``."""
        return np.arange(self.frames.shape[1])[None, :] / self.fps[:, None]


@torch.no_grad()
def simulate(
    seeds: Sequence[int],
    config: PhantomConfig | None = None,
    device: torch.device | str = "cpu",
    chunk: int | None = None,
) -> PhantomBatch:
    """Simulates one clip per seed, ``chunk`` clips at a time (None: what suits the device).

    A GPU works on many clips at once; on a CPU one clip at a time stays in its caches and is faster, in one thread:
    several gain nothing within a clip and cost ten times as much where the machine is busy.
    Raises ValueError for an empty list of seeds or a negative seed.
    """
    config = config or PhantomConfig()
    seeds = [int(s) for s in seeds]
    if not seeds or min(seeds) < 0:
        raise ValueError("seeds must be one or more numbers from 0 up")
    device = torch.device(device)
    chunk = chunk or (1 if device.type == "cpu" else 32)
    with _one_thread() if device.type == "cpu" else nullcontext():
        if chunk == 1:
            return _join([_simulate([seed], config, device) for seed in seeds])
        parts = _alike(seeds, config, chunk)
        batch = _join([_simulate([seeds[i] for i in part], config, device) for part in parts])
        return _taken(batch, np.argsort(np.concatenate(parts)))


def _alike(seeds: list[int], config: PhantomConfig, chunk: int) -> list[list[int]]:
    """Places of at most ``chunk`` seeds each, those cut in short axis apart: they are drawn by other rules."""
    views, *_ = _draw_patients(Draws(seeds, "patient"), config)
    parts: list[list[int]] = []
    for short in (False, True):
        places = [i for i, view in enumerate(views) if (view == SHORT_AXIS) == short]
        parts += [places[i : i + chunk] for i in range(0, len(places), chunk)]
    return parts


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _simulate(seeds: list[int], config: PhantomConfig, device: torch.device) -> PhantomBatch:
    patients = Draws(seeds, "patient", device)
    views, fps, ejection = _draw_patients(patients, config)
    durations = config.frames / fps
    rhythms = [Rhythm(g, config, d) for g, d in zip(patients.generators, durations, strict=True)]
    beating = Beating(rhythms, fps, config.frames, device)
    view = _structures(views, patients)
    variants = Variants(seeds, views, ejection, config, device)
    effusion = Effusion(Draws(seeds, "fluid", device), variants)
    swing = Swing(Draws(seeds, "swing", device), variants, beating)
    septum_right = _flags([v in LONG_AXIS for v in views], patients)
    disease = Disease(Draws(seeds, "disease", device), variants, septum_right, beating)
    anatomy, probe = Draws(seeds, "anatomy", device), Draws(seeds, "probe", device)
    scan = Scan.draw(probe, variants)
    ventricle = Ventricle(anatomy, scan.depth, ejection, disease, beating, config)
    pose = draw_pose(probe, scan, ventricle.length0, views, swing, disease.overload, beating, config)
    chambers = Chambers(anatomy, ventricle, view, effusion, beating)
    valves = Leaflets(anatomy, ventricle, chambers, beating)
    implants = Implants(Draws(seeds, "implants", device), variants, chambers, beating)
    grain = 0.5 * scan.depth / config.rows
    scattering = Scattering(Draws(seeds, "tissue", device), ventricle, view.right_heart, grain, config)
    scans = Draws(seeds, "scanner", device), Draws(seeds, "rare scanner", device)
    scanner = Scanner(*scans, scan, beating, variants, config)
    conversion = ScanConversion(Draws(seeds, "frame", device), scan, config.size, config.upended)

    depth, angle = scan.samples(config.rows, config.beams)
    x, y = pose.to_heart(depth, angle + scan.tilt)
    border = trabeculae = None
    if views[0] == SHORT_AXIS:
        section = ShortAxis(Draws(seeds, "short axis", device), ventricle, chambers, beating)
        scattering.muscles = section.muscles(scattering.muscles)
        tissue, roof, metal = section.see(x, y), section.roof, None
        cavities = section.fill(x, y, tissue)
        leaflets = section.leaflets(x, y, tissue) if config.leaflets else None
    else:
        tissue, roof, metal = ventricle.see(x, y), chambers.roof, implants.draw(x, y)
        cavities = chambers.fill(x, y, tissue)
        leaflets = valves.draw(x, y) if config.leaflets else None
        if config.traced:
            both_free = _flags([v == "A2C" for v in views], patients)
            border = Border(Draws(seeds, "border", device), ventricle, both_free, septum_right)
            trabeculae = border.gray_of(x, y, tissue.cavity)
    strength = scattering.strength(y, tissue, cavities, leaflets, metal, roof, trabeculae)
    image = scanner.image(strength, scattering.speckle(tissue), cavities.blood, scattering.blood)
    if variants["colour"].any():
        image = Doppler(Draws(seeds, "doppler", device), variants, beating).paint(image, cavities.blood)
    mask = conversion.convert(tissue.cavity) > 0.5 if config.mask else None
    contour = None
    if config.traced:
        no_border = torch.full((len(seeds), config.frames, BORDER_POINTS, 2), torch.nan, device=device)
        contour = no_border if border is None else border.contour(pose, scan.tilt, conversion)
    frames = conversion.convert(image).mul_(255)
    remains = Draws(seeds, "overlays", device)
    if config.overlays:
        frames = draw_overlays(frames, conversion.inside, remains, beating)
    if variants["annotations"].any():
        frames = annotate(frames, variants, Draws(seeds, "notes", device), beating)
    if config.compression:
        frames = compress(frames, draw_coarseness(Draws(seeds, "compression", device)))
    curves = [(1 - beating.contraction()).clamp_(0, 1), beating.mitral(), beating.aortic()]
    splicing = Splicing(Draws(seeds, "splice", device), variants, config.frames)
    if splicing.any:
        frames, curves = splicing.shown(frames), [splicing.shown(curve) for curve in curves]
        mask = None if mask is None else splicing.shown(mask)
        contour = None if contour is None else splicing.shown(contour)
    if variants["transcoding"].any():
        film = Transcoding(Draws(seeds, "film", device), variants, config.frames)
        frames, curves = film.frames(frames), [film.shown(curve) for curve in curves]
        mask = None if mask is None else film.shown(mask)
        contour = None if contour is None else film.shown(contour)
    volume, mitral, aortic = (curve[:, :, 0, 0] for curve in curves)
    return PhantomBatch(
        frames=frames.round_().clamp_(0, 255).to(torch.uint8),
        fps=fps,
        ed=[splicing.moved(clip, r.ed, fps[clip]) for clip, r in enumerate(rhythms)],
        es=[splicing.moved(clip, r.es, fps[clip]) for clip, r in enumerate(rhythms)],
        cuts=splicing.cuts(),
        volume=volume,
        mitral=mitral,
        aortic=aortic,
        mask=mask,
        contour=contour,
        view=views,
        variants=variants.names(),
        ejection_fraction=100 * ejection.flatten().double().cpu().numpy(),
        heart_rate=np.array([r.heart_rate(d) for r, d in zip(rhythms, durations, strict=True)]),
        arrhythmia=[_arrhythmia(r) for r in rhythms],
        pixel_mm=conversion.mm.flatten().double().cpu().numpy(),
        seeds=np.array(seeds),
    )


def _draw_patients(draws: Draws, config: PhantomConfig) -> tuple[list[str], np.ndarray, Tensor]:
    """View, frame rate and ejection fraction (0 to 1, ``[B, 1, 1, 1]``)."""
    weights = np.array(config.view_weights or [1.0] * len(config.views))
    views = [str(g.choice(config.views, p=weights / weights.sum())) for g in draws.generators]
    fps = np.array([np.exp(g.uniform(*np.log(config.fps))) for g in draws.generators])
    low, high = config.ejection_fraction
    return views, fps, draws.tensor([low + (high - low) * g.beta(1.8, 1.3) for g in draws.generators]) / 100


def _flags(values: list[bool], draws: Draws) -> Tensor:
    return draws.tensor(np.array(values, np.float32))


def _structures(views: list[str], draws: Draws) -> View:
    long_axis = [v in LONG_AXIS for v in views]
    return View(
        right_heart=_flags([v in (*RIGHT_HEART, SHORT_AXIS) for v in views], draws),
        aorta=_flags(long_axis, draws),
        outflow=_flags([v == "PLAX" for v in views], draws),
    )


def _arrhythmia(rhythm: Rhythm) -> str:
    if rhythm.rates.fibrillation:
        return "fibrillation"
    return "ectopic" if rhythm.rates.ectopic_rate else ""


def _join(batches: list[PhantomBatch]) -> PhantomBatch:
    """One batch of several."""
    if len(batches) == 1:
        return batches[0]
    joined = {}
    for name in PhantomBatch.__dataclass_fields__:
        parts = [getattr(b, name) for b in batches]
        if parts[0] is None:
            joined[name] = None
        elif isinstance(parts[0], Tensor):
            joined[name] = torch.cat(parts)
        elif isinstance(parts[0], list):
            joined[name] = [item for part in parts for item in part]
        else:
            joined[name] = np.concatenate(parts)
    return PhantomBatch(**joined)


def _taken(batch: PhantomBatch, places: np.ndarray) -> PhantomBatch:
    """The clips at these places, in this order."""
    taken = {}
    for name in PhantomBatch.__dataclass_fields__:
        values = getattr(batch, name)
        if isinstance(values, list):
            taken[name] = [values[place] for place in places]
        elif values is None:
            taken[name] = None
        else:
            taken[name] = values[places if isinstance(values, np.ndarray) else torch.from_numpy(places)]
    return PhantomBatch(**taken)
