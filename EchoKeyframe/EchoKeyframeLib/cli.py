"""The command line: ``echokeyframe COMMAND``; ``echokeyframe --help`` lists the commands.

Exit codes: 0 all went well; 1 some cine failed, the others are done, or a training had to stop; 2 the arguments cannot
be used; 130 Ctrl-C; 129 and 143 SIGHUP and SIGTERM; 141 whoever reads the output, such as ``head``, has seen enough.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from . import __version__
from .atomic_file import discard_unfinished
from .commands import UsageError
from .commands.options import set_memory_option
from .printable import printable
from .termination import Terminated, terminated_by_signals

COMMANDS = {
    name: name
    for name in ("detect", "info", "export", "import", "measure", "prepare", "check", "train", "adapt", "evaluate",
                 "reproduce", "compare", "convert", "phantom")
} | {"import": "import_key_object"}  # fmt: skip
"""Commands in the order of the help, with their modules in ``commands``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: that of the process) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name must not fail for what a terminal can show
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # else Python complains of a closed pipe when it ends
    except BrokenPipeError:
        _close_broken_streams()
        return 141


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    parser = build_parser(*words[:1])
    options = parser.parse_args(words)
    try:
        with terminated_by_signals():
            set_memory_option(options)
            return options.run(options)
    except KeyboardInterrupt:
        return _stopped(options)
    except Terminated as error:
        discard_unfinished()
        return _stopped(options, 128 + error.number)
    except Exception as error:
        if _is_behind(error, KeyboardInterrupt):
            return _stopped(options)
        if _is_behind(error, BrokenPipeError):
            raise BrokenPipeError from error
        if isinstance(error, UsageError):
            print(f"{parser.prog}: error: {printable(str(error))}", file=sys.stderr)
            return 2
        if options.debug:
            traceback.print_exc()
        print(f"{parser.prog}: unexpected {type(error).__name__}; --debug shows where", file=sys.stderr)
        return 1


def _close_broken_streams() -> None:
    """Send what is still to be written nowhere: Python would try once more when it ends, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


def _stopped(options: argparse.Namespace, exit_code: int = 130) -> int:
    """Tell of Ctrl-C or a signal; a command that skips what an earlier run finished has set ``resumes``, --force does
    it again."""
    resumes = getattr(options, "resumes", False) and not getattr(options, "force", False)
    print("echokeyframe: stopped" + ("; the same command goes on from here" if resumes else ""), file=sys.stderr)
    return exit_code


def _is_behind(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind or came of one: a library that Ctrl-C meets while it loads makes an ImportError of
    it, a command that cannot write makes a UsageError of a closed pipe.
    """
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of one command, or of all where none is called so; ``run`` in what it parses is the command."""
    parser = argparse.ArgumentParser(
        prog="echokeyframe",
        description="Finds the end-diastolic and end-systolic frames of echocardiography cine loops.",
        epilog="Not a medical device: for research and teaching.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [command] if command in COMMANDS else COMMANDS:
        import_module(f".commands.{COMMANDS[name]}", __package__).add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
