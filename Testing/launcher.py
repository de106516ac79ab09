"""``python launcher.py ARGUMENTS``: starts Python with these arguments as Slicer's ``PythonSlicer`` starts its own.

A process of its own that waits for the real one: it hands input and output on, passes no signal on, leaves the real
process alive when it is killed, and returns its exit code, or 1 where that was ended by force. The real one is in no
group or session through which it could be reached, as on Windows.
"""

import subprocess
import sys

if __name__ == "__main__":
    child = subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True)
    code = child.wait()
    sys.exit(code if code >= 0 else 1)
