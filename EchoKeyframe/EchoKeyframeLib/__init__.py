"""EchoKeyframe: the end-diastolic and end-systolic frames of an echocardiography cine loop.

The folders follow the data's way: ``cine`` reads and prepares, ``models`` holds the networks, ``detection`` turns
frames into curves, keyframes and beats, ``report`` writes them, ``training`` and ``evaluation`` serve the networks.
Importing this package imports nothing but the standard library.
"""

__version__ = "0.2.0.dev7"
