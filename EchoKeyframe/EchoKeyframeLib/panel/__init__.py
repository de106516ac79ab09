"""What the module's panel is made of. Only here, and in EchoKeyframe.py, is Qt used.

``jobs`` and ``detectors.weights_folder`` need no Qt: they say what is under way, and which weights a person added.
"""
