"""Keyframes and measurements handed on to other tools: image files, video, DICOM documents."""
