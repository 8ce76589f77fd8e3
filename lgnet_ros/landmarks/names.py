"""The names by which estimators and detectors are chosen."""

from __future__ import annotations

LGNET, LANDMARKS = "lgnet", "landmarks"
ESTIMATORS = (LGNET, LANDMARKS)

SELF, MEDIAPIPE, EXTERNAL = "self", "mediapipe", "external"
DETECTORS = (SELF, MEDIAPIPE, EXTERNAL)
