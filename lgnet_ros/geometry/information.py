"""Small symmetric systems without BLAS: for a 3×3 matrix it may wake a thread on another core, which then
takes half a millisecond to answer where cores are busy, and goes on waiting there for more.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.jit import exactly


@exactly
def positive_inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix (N, N), by Gauss and Jordan; NaN if it is none."""
    inverse = matrix.copy()
    for k in range(len(inverse)):
        pivot = inverse[k, k]
        if not pivot > 0.0:
            inverse[:] = np.nan
            return inverse
        inverse[k, k] = 1.0
        inverse[k] /= pivot
        for i in range(len(inverse)):
            if i != k:
                share = inverse[i, k]
                inverse[i, k] = 0.0
                inverse[i] -= share * inverse[k]
    return inverse
