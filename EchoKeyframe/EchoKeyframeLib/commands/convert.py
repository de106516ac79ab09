"""The command ``convert``: gives weights their ONNX graphs, with which they run without torch."""

from __future__ import annotations

import argparse

from . import UsageError
from .options import add_debug
from .terminal import say, tell_error, tell_failed


def add_to(commands: argparse._SubParsersAction) -> None:
    """Declare the command's options."""
    parser = commands.add_parser(
        "convert", help="give weights of an earlier version their ONNX graph",
        description="Put a network's ONNX graph into its weights file, beside the weights: it then runs on a CPU "
        "without PyTorch. 'train' does so itself.",
    )  # fmt: skip
    parser.add_argument("weights", metavar="WEIGHTS", nargs="+", help="weights file (.safetensors) with its card")
    add_debug(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert each file in place; 1 if one failed. Raises UsageError where torch or onnxscript is missing."""
    from ..cine.cine import CineError

    try:
        from ..models.onnx_export import ExportError, graphs_of
        from ..models.weights_file import add_graphs, load_weights
    except ModuleNotFoundError as error:
        raise UsageError(f"needs {error.name}, which is not installed: pip install 'echokeyframe[train]'") from error
    failed = False
    for path in options.weights:
        try:
            network, _ = load_weights(path)
            card = add_graphs(path, graphs_of(network))
        except ExportError as error:
            tell_failed(path, str(error))
            failed = True
        except CineError as error:
            tell_error(path, error, options.debug)
            failed = True
        else:
            say(f"{path}: {card.title} runs in ONNX Runtime")
    return int(failed)
