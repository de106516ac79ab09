"""``echokeyframe phantom``: simulated cines whose ED and ES frames are known."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from ..simulator.config import RARE, VIEWS, PhantomConfig
from . import UsageError
from .cine_jobs import cores
from .extras import needs_extra
from .options import add_debug, count, frame_rate, natural, positive

if TYPE_CHECKING:
    from ..training.stores.clip_store import ClipStore

PARTS = (*(field.name for field in fields(PhantomConfig) if field.default is True), *RARE)
"""What can be switched off."""

MOST_FRAMES, LARGEST_SIZE = 1000, 512
"""Several clips are held at once, so memory grows with both."""


CLIPS_OF_A_START = 20
"""About as many are simulated while another process starts."""


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "phantom", help="simulate cines with known ED and ES frames",
        description="Simulates cines and writes them with labels.csv, parameters.csv (view, heart rate, ejection "
        "fraction) and truth.csv (volume and valves of each frame), or as a store to train on. A clip follows from its "
        "seed: keep the seeds of training and of evaluation apart.",
    )  # fmt: skip
    parser.add_argument("folder", metavar="FOLDER", help="made if need be")
    parser.add_argument("--count", type=count, required=True, metavar="N", help="number of clips")
    parser.add_argument("--seed", type=natural, default=0, help="of the first clip; the others follow (default: 0)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=("avi", "mjpg", "dicom"), default="avi",
                      help="lossless AVI (default), Motion JPEG AVI, or multi-frame DICOM")
    form.add_argument("--store", action="store_true",
                      help="a store to train on, with the volume curves; one that was begun is finished")
    form.add_argument("--borders", action="store_true",
                      help="a folder for 'train --preset lv-contour': a beat each, with the left ventricle's border as "
                      "readers trace it; one that was begun is finished, further options do not count")
    parser.add_argument("--masks", action="store_true", help="with the left ventricle of each frame: in the store, "
                        "or as a TIFF beside each cine")
    parser.add_argument("--view", nargs="+", type=str.upper, choices=VIEWS, metavar="VIEW",
                        help=f"some of {', '.join(VIEWS)} (default: all)")
    parser.add_argument("--frames", type=count, default=64, help=f"of a clip (default: 64; at most {MOST_FRAMES})")
    parser.add_argument("--size", type=count, default=112, metavar="PIXELS", help="height and width (default: 112)")
    parser.add_argument("--fps", type=frame_rate, nargs=2, metavar=("LOW", "HIGH"),
                        help="range of frame rates (default: 8 120)")
    parser.add_argument("--heart-rate", type=positive, nargs=2, metavar=("LOW", "HIGH"),
                        help="range of heart rates, beats a minute (default: 40 160)")
    parser.add_argument("--ejection-fraction", type=positive, nargs=2, metavar=("LOW", "HIGH"),
                        help="range of ejection fractions, %% (default: 8 75)")
    parser.add_argument("--without", nargs="+", default=(), choices=PARTS, metavar="PART",
                        help=f"parts of the simulator to switch off, some of {', '.join(PARTS)}")
    parser.add_argument("--with", nargs="+", default=(), choices=RARE, metavar="PART", dest="always",
                        help="parts that every clip has whose view shows them (default: a few in a hundred have), some "
                        f"of {', '.join(RARE)}")
    parser.add_argument("--processes", type=count, metavar="N",
                        help="that simulate at once (with --store; default: one for each core)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--force", action="store_true", help="overwrite simulated cines and labels that are there")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the clips. Raises UsageError before any work where an argument cannot be used."""
    with needs_extra("train", "phantom"):
        from ..cine.cine import CineError
        from ..models.device import choose_device

    folder, config, options.resumes = Path(options.folder), _config(options), options.store or options.borders
    if not options.folder or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{options.folder!r} is not a folder")
    try:
        choose_device(options.device)
        if options.borders:
            _fill_pool(folder, options)
        elif options.store:
            store = _fill_store(folder, config, options)
            print(f"{folder}: a store of {len(store)} simulated clips")
        else:
            _write_cines(folder, config, options)
            print(f"{folder}: {options.count} simulated clips, labels.csv and truth.csv")
    except CineError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    return 0


def _config(options: argparse.Namespace) -> PhantomConfig:
    if options.frames > MOST_FRAMES or options.size > LARGEST_SIZE:
        raise UsageError(f"a clip has at most {MOST_FRAMES} frames of {LARGEST_SIZE} pixels")
    changes: dict[str, object] = dict.fromkeys(options.always, 1.0) | dict.fromkeys(options.without, False)
    changes["mask"] = options.masks
    for name in ("fps", "heart_rate", "ejection_fraction"):
        if given := getattr(options, name):
            changes[name] = tuple(given)
    if options.view:
        changes["views"] = tuple(dict.fromkeys(options.view))
    try:
        return PhantomConfig(frames=options.frames, size=options.size, **changes)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _fill_store(folder: Path, config: PhantomConfig, options: argparse.Namespace) -> ClipStore:
    from ..training.stores.fill_store import simulate_store

    if options.force:
        raise UsageError("--force is for cines: a store is finished, or deleted by you, never overwritten")
    processes = options.processes or (_worthwhile_processes(options.count) if options.device == "cpu" else 1)
    return simulate_store(folder, options.count, config, options.seed, processes, options.device)


def _fill_pool(folder: Path, options: argparse.Namespace) -> None:
    from ..training.contour.pool import simulate_pool

    simulate_pool(folder, options.count, options.seed, progress=True)
    print(f"{folder}: {options.count} simulated clips with borders")


def _worthwhile_processes(clips: int) -> int:
    return max(1, min(cores(), clips // CLIPS_OF_A_START))


def _write_cines(folder: Path, config: PhantomConfig, options: argparse.Namespace) -> None:
    from ..datasets.labels import LABELS_NAME
    from ..simulator.recording import write_recordings
    from ..training.stores.clip_store import is_store

    if options.processes:
        raise UsageError("--processes needs --store")
    if is_store(folder):
        raise UsageError(f"{options.folder}: holds a store; choose another folder")
    if (folder / LABELS_NAME).exists() and not options.force:
        raise UsageError(f"{options.folder}: holds labels already; --force overwrites them, or choose another folder")
    write_recordings(folder, options.count, options.seed, options.format, config, options.device, progress=True)
