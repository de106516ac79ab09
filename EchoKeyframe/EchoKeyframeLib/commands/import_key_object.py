"""``echokeyframe import``: keyframes from a DICOM Key Object Selection document."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import UsageError
from .cine_jobs import add_output, folder_if_filled
from .options import add_debug, add_reading_options
from .terminal import say, tell_error, tell_failed


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "import", help="take over the ED and ES frames that a DICOM key object states",
        description="Reads a Key Object Selection document, from 'export --format ko' or another vendor, and writes "
        "NAME.keyframes.json and .csv, as detect does, for each cine that it refers to.",
    )  # fmt: skip
    parser.add_argument("key_object", type=Path, metavar="KEY_OBJECT", help="the document")
    parser.add_argument("cines", nargs="+", type=Path, metavar="CINE", help="a DICOM file that it refers to")
    add_output(parser)
    add_reading_options(parser)
    parser.add_argument("--force", action="store_true", help="overwrite results that are there")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the keyframes of every cine; 1 if one failed. Raises UsageError for a document that cannot be used."""
    from ..cine.cine import CineError
    from ..export.key_object import read_key_object

    try:
        key_object = read_key_object(options.key_object)
    except CineError as error:
        raise UsageError(str(error)) from error
    with folder_if_filled(options.output) as output:
        failed = sum(not _taken_over(key_object, path, output, options) for path in options.cines)
    return 1 if failed else 0


def _taken_over(key_object, path: Path, output: Path, options: argparse.Namespace) -> bool:
    """Write the keyframes of one cine and say so, or say why not."""
    try:
        say(_written(key_object, path, output, options))
    except BrokenPipeError:  # of what is printed: no fault of the output folder
        raise
    except OSError as error:
        tell_failed(path.name, f"{output.name} cannot be written to ({error.strerror})")
        return False
    except Exception as error:
        tell_error(path.name, error, options.debug)
        return False
    return True


def _written(key_object, path: Path, output: Path, options: argparse.Namespace) -> str:
    """Write the keyframes of one cine and tell what they are."""
    from ..batch.inputs import without_suffix
    from ..cine.read import read_cine
    from ..export.key_object import keyframes_file
    from ..report.keyframes_file import write_csv, write_json
    from ..report.outputs import refuse_to_overwrite

    contents = keyframes_file(key_object, read_cine(path, fps=options.fps, view=options.view))
    targets = [output / f"{without_suffix(path.name)}.keyframes{suffix}" for suffix in (".json", ".csv")]
    if not options.force:
        refuse_to_overwrite(targets)
    write_json(targets[0], contents)
    write_csv(targets[1], contents)
    return f"{path.name}: " + ", ".join(f"{k.phase} {k.frame}" for k in contents.keyframes)
