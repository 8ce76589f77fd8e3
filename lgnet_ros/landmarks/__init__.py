"""A second estimator: a hand model fitted to landmarks, MediaPipe's by default.

`fit` and what it stands on (`articulation`, `kinematics`, `solver`, `start`, `sight`, `prior`) know hands and
cameras only; `mediapipe_hands`, `estimator`, `detector` and `choice` bring it into the pipeline.
"""
