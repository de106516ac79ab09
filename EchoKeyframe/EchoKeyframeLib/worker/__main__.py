"""``python -m EchoKeyframeLib.worker FOLDER [IDLE_SECONDS]``: the worker process, started by ``worker.process``."""

import sys
from pathlib import Path

from .server import serve

sys.exit(serve(Path(sys.argv[1]), idle_seconds=float(sys.argv[2]) if len(sys.argv) > 2 else 600.0))
