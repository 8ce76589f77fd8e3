"""Values of pictures and of the noise volume between their points, and of pixels' samples."""

from __future__ import annotations

import numpy as np

from lgnet_ros.jit import inlined

# Of a pixel, along each axis. Known to the compiler, so that it writes out the loops over them.
SAMPLES = 2

_F, _index = np.float32, np.uint32


@inlined
def uncovered(x, y, face):
    """How many of a pixel's SAMPLES² samples see no surface."""
    free = 0
    for s in range(SAMPLES):
        for t in range(SAMPLES):
            free += face[_index(y * SAMPLES + s), _index(x * SAMPLES + t)] < 0
    return free


@inlined
def texel(u, v, picture):
    """Bilinear; (u, v) in whole pictures, every other one mirrored, so that no seam shows. Linear light 0 to
    1, the transfer curve taken as a square."""
    half, last = _F(0.5), _F(picture.shape[0] - 1.001)
    u, v = u * half, v * half
    x, y = abs(u - np.floor(u + half)) * _F(2) * last, abs(v - np.floor(v + half)) * _F(2) * last
    i, j = _index(x), _index(y)
    fx, fy = x - _F(i), y - _F(j)
    gx, gy = _F(1) - fx, _F(1) - fy
    w00, w01, w10, w11 = gx * gy, fx * gy, gx * fy, fx * fy
    p = picture
    red = w00 * p[j, i, 0] + w01 * p[j, i + 1, 0] + w10 * p[j + 1, i, 0] + w11 * p[j + 1, i + 1, 0]
    green = w00 * p[j, i, 1] + w01 * p[j, i + 1, 1] + w10 * p[j + 1, i, 1] + w11 * p[j + 1, i + 1, 1]
    blue = w00 * p[j, i, 2] + w01 * p[j, i + 1, 2] + w10 * p[j + 1, i, 2] + w11 * p[j + 1, i + 1, 2]
    unit = _F(1.0 / 65025.0)
    return _F(red * red) * unit, _F(green * green) * unit, _F(blue * blue) * unit


@inlined
def cell(i, j, k):
    """Where a cell of the noise volume is stored: in bricks of 4 × 2 × 2, each as large as a cache line.

    A surface runs through the volume in any direction; it meets half as many bricks as rows of sixteen cells.
    """
    return ((k >> 1) << 13) | ((j >> 1) << 8) | ((i >> 2) << 4) | ((k & 1) << 3) | ((j & 1) << 2) | (i & 3)


@inlined
def nearest_cell(x, y, z):
    """Where the cell is stored that a point lies in; coordinates in whole volumes."""
    i = _index((x - np.floor(x)) * _F(63.999))
    j = _index((y - np.floor(y)) * _F(63.999))
    k = _index((z - np.floor(z)) * _F(63.999))
    return cell(i, j, k)


@inlined
def cell_noise(n, volume):
    """As `noise_at`, of a cell alone."""
    unit = _F(1.0 / 127.0)
    a, b = _F(volume[n, 0]) * unit, _F(volume[n, 1]) * unit
    return a, b, _F(volume[n, 2]) * unit, _F(volume[n, 3]) * unit


@inlined
def noise_at(x, y, z, volume):
    """Four values within about ±1, repeating; coordinates in whole volumes. Interpolated in the tetrahedron
    of the cell (Kuhn's) that the point lies in: four corners instead of eight."""
    x, y, z = (x - np.floor(x)) * _F(63.999), (y - np.floor(y)) * _F(63.999), (z - np.floor(z)) * _F(63.999)
    i, j, k = _index(x), _index(y), _index(z)
    fx, fy, fz = x - _F(i), y - _F(j), z - _F(k)
    x_first = fx >= fy and fx >= fz
    y_first = not x_first and fy >= fz
    z_last = fz <= fx and fz <= fy
    y_last = not z_last and fy <= fx
    i1, j1, k1 = (i + x_first) & 63, (j + y_first) & 63, (k + (not x_first and not y_first)) & 63
    i2, j2, k2 = (i + (z_last or y_last)) & 63, (j + (not y_last)) & 63, (k + (not z_last)) & 63
    i3, j3, k3 = (i + 1) & 63, (j + 1) & 63, (k + 1) & 63
    high, low = max(fx, max(fy, fz)), min(fx, min(fy, fz))
    middle = fx + fy + fz - high - low
    unit = _F(1.0 / 127.0)
    w0, w1, w2, w3 = (_F(1) - high) * unit, (high - middle) * unit, (middle - low) * unit, low * unit
    n0, n1, n2, n3 = cell(i, j, k), cell(i1, j1, k1), cell(i2, j2, k2), cell(i3, j3, k3)
    v = volume
    a = w0 * v[n0, 0] + w1 * v[n1, 0] + w2 * v[n2, 0] + w3 * v[n3, 0]
    b = w0 * v[n0, 1] + w1 * v[n1, 1] + w2 * v[n2, 1] + w3 * v[n3, 1]
    c = w0 * v[n0, 2] + w1 * v[n1, 2] + w2 * v[n2, 2] + w3 * v[n3, 2]
    d = w0 * v[n0, 3] + w1 * v[n1, 3] + w2 * v[n2, 3] + w3 * v[n3, 3]
    return _F(a), _F(b), _F(c), _F(d)
