"""The background process that runs detectors, and the folder through which it is spoken to.

Everything passes through files: requests, events, results. Nothing waits on a pipe or a thread, so a caller whose
interpreter shares one thread with a user interface (Slicer) asks ``Worker.poll`` from a timer and is never held up.
"""
