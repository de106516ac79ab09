"""``python .../EchoKeyframeLib/worker/__main__.py FOLDER [IDLE_SECONDS]``: the worker process.

Started by ``launched_process`` as a file: it finds the package that it lies in before any other copy. Before anything
is imported that takes time, it holds its lock, watches its caller and has told its number, so that it can be ended.
"""

import faulthandler
import os
import signal
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve()
_REMOVAL_SECONDS = 10.0


def main() -> int:
    folder, idle_seconds = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller, who ends this process
    faulthandler.enable()
    sys.path[:] = [str(HERE.parents[2]), *(entry for entry in sys.path if entry != str(HERE.parent))]
    from EchoKeyframeLib import __version__
    from EchoKeyframeLib.worker.file_lock import take_lock

    try:
        lock = take_lock(folder / "worker.lock", patience=10.0)
    except FileNotFoundError:
        return 0  # the caller has given this process up and removed its folder
    except OSError:
        lock = None  # no locks there: the caller can only end what it started
    watch = threading.Thread(target=_end_with_caller, args=(folder,), daemon=True)
    watch.start()
    from EchoKeyframeLib.worker.mailbox import Mailbox
    from EchoKeyframeLib.worker.message import STARTED

    Mailbox(folder).report({"event": STARTED, "pid": os.getpid(), "version": __version__})
    from EchoKeyframeLib.worker.server import serve

    code = serve(folder, idle_seconds)
    if not folder.exists():  # the watch has begun to remove what the caller left, and ends this process after it
        watch.join(_REMOVAL_SECONDS)
    if lock is not None:
        lock.release()
    return code


def _end_with_caller(folder: Path) -> None:
    """End this process when the caller's end of stdin closes, which the system does however the caller ends."""
    # Not through sys.stdin: its lock, held while it waits, would abort an interpreter that ends for being idle.
    while os.read(sys.stdin.fileno(), 1):
        pass
    from EchoKeyframeLib.worker.session_folder import remove_if_left

    remove_if_left(folder.parent, patience=0.5)  # the system may close stdin before it gives up the lock
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
