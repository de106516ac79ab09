"""``echokeyframe info``: what the reader understood of a cine."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from .options import add_debug, add_reading_options


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("info", help="show what is understood of a cine",
                                 description="Shows what is understood of a cine: frames, times, calibration, sector.")
    parser.add_argument("cines", nargs="+", metavar="CINE", help="a file")
    add_reading_options(parser)
    parser.add_argument("--outline", type=Path, metavar="DIR", help="write NAME.sector.png, the image with the sector "
                        "outlined, into this folder; text burned into the image can be read in it")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a block of lines for each cine; 1 if one could not be read."""
    from ..cine.cine import CineError
    from ..cine.read import read_cine
    from ..cine.sector import find_sector
    from ..report.description import describe
    from ..report.sector_picture import write_outline

    failed = 0
    for name in options.cines:
        try:
            cine = read_cine(Path(name), fps=options.fps, view=options.view)
            sector = find_sector(cine)
            rows = describe(cine, sector)
            if options.outline is not None:
                rows.append(("outline", str(write_outline(_outline_path(options.outline, name), cine, sector))))
        except CineError as error:
            print(error, file=sys.stderr)
            failed += 1
        except Exception as error:
            if options.debug:
                traceback.print_exc()
            print(f"{Path(name).name}: unexpected {type(error).__name__} (--debug shows where)", file=sys.stderr)
            failed += 1
        else:
            print(*(f"{label:<12} {text}" for label, text in rows), sep="\n", end="\n\n")
    return 1 if failed else 0


def _outline_path(folder: Path, cine: str) -> Path:
    from ..batch.inputs import without_suffix

    return folder / f"{without_suffix(Path(cine).name)}.sector.png"
