"""The shading loop over the surfaces.

Numbers go in and out as scalars and flat arrays, never as slices: a slice counts references, and a few of
those per pixel cost more than the light. Indices are cast to unsigned ones: of others it is asked at each
access whether they count from the end.
"""

from __future__ import annotations

import numpy as np

from lgnet_ros.data.synthetic.columns import (
    ALBEDO,
    AMBIENT,
    ATTRIBUTES,
    BUMP,
    CREASE,
    DEPTH,
    GLOSS,
    GLOSS_POWER,
    IMAGE,
    IMAGE_SCALE,
    KIND,
    LABEL,
    NOISE,
    NOISE_SCALE,
    SKIN,
    TEXTURE,
    WRAP,
)
from lgnet_ros.data.synthetic.lookups import SAMPLES, cell_noise, nearest_cell, noise_at, texel, uncovered
from lgnet_ros.jit import counting_nothing, inlined

_F, _index = np.float32, np.uint32
_TOTAL = SAMPLES * SAMPLES


@counting_nothing
def paint_surfaces(
    face, inverse_depth, planes, faces, part, detail, attributes, materials, details,
    far, lens, turn, start, lamp,
    shadow_inverse, shadow_frame, shadow_focal, shadow_center, shadow_bias,
    pictures, noise, color, label, depth_out, found, value,
):  # fmt: skip
    """Mixes the colors of surfaces and of the backdrop, `far`, by their share of each pixel's samples, and
    fills labels and depths by what has most of them.

    Step by step for a row at a time: what is seen there, then its attributes, its noise, its light. In short
    loops the processor begins with the next pixels while one waits for memory, as most do for the noise.

    lens (4,): u and v of a ray (u, v, 1) per sample, then those of the first sample. Room to work in: found
    (SAMPLES² · w, 5) int32 [face, column, row, samples, cell of noise]; value (SAMPLES² · w, ATTRIBUTES + 1)
    float32, attributes and depth.
    """
    share = _F(1.0) / _F(_TOTAL)
    per_u, per_v, zero_u, zero_v = lens[0], lens[1], lens[2], lens[3]
    pixel = _F(SAMPLES) * per_u
    for y in range(label.shape[0]):
        count = _index(0)
        for x in range(label.shape[1]):
            free = uncovered(x, y, face)
            done, best, red, green, blue = 0, 0, _F(0), _F(0), _F(0)
            if free > 0:  # elsewhere the backdrop is not set
                rest = share * _F(free)
                red, green, blue = far[y, x, 0] * rest, far[y, x, 1] * rest, far[y, x, 2] * rest
            color[y, x, 0], color[y, x, 1], color[y, x, 2] = red, green, blue
            for s in range(_TOTAL if free < _TOTAL else 0):
                row, column = _index(y * SAMPLES + s // SAMPLES), _index(x * SAMPLES + s % SAMPLES)
                if face[row, column] < 0 or done & (1 << s):
                    continue
                f = _index(face[row, column])
                # All samples of the same part at about this depth take this sample's color.
                hits, inverse_sum, near = 0, _F(0), inverse_depth[row, column]
                for other in range(s, _TOTAL):
                    j, i = _index(y * SAMPLES + other // SAMPLES), _index(x * SAMPLES + other % SAMPLES)
                    g = face[j, i]
                    if g >= 0 and part[g] == part[f] and abs(inverse_depth[j, i] - near) < _F(0.02) * near:
                        done |= 1 << other
                        hits += 1
                        inverse_sum += inverse_depth[j, i]
                found[count, 0], found[count, 1], found[count, 2], found[count, 3] = f, column, row, hits
                count += _index(1)
                if hits > best:
                    best = hits
                    label[y, x] = np.uint8(materials[_index(part[f]), LABEL])
                    depth_out[y, x] = _F(hits) / inverse_sum
            if free > best:
                label[y, x], depth_out[y, x] = 0, _F(0)
        for n in range(count):
            f, column, row = _index(found[n, 0]), _index(found[n, 1]), _index(found[n, 2])
            _interpolate(value, n, f, row, column, planes, faces, attributes)
            m = _index(part[f])
            _apply_image(value, n, m, materials, pictures)
            found[n, 4] = _nearest_cell(value, n, m, materials, value[n, DEPTH] * pixel)
        for n in range(count):
            m = _index(part[_index(found[n, 0])])
            _apply_noise(value, n, m, materials, noise, found[n, 4])
        for n in range(count):
            f, column, row = _index(found[n, 0]), _index(found[n, 1]), _index(found[n, 2])
            hits, depth, x = _F(found[n, 3]), value[n, DEPTH], column // _index(SAMPLES)
            u, v = _F(column) * per_u + zero_u, _F(row) * per_v + zero_v
            rx = turn[0, 0] * u + turn[0, 1] * v + turn[0, 2]
            ry = turn[1, 0] * u + turn[1, 1] * v + turn[1, 2]
            rz = turn[2, 0] * u + turn[2, 1] * v + turn[2, 2]
            m = _index(part[f])
            gloss = materials[m, GLOSS]
            if detail[f] >= 0:
                gloss = _apply_detail(value, n, _index(detail[f]), details, gloss)
            nx, ny, nz = _unit(value[n, 0], value[n, 1], value[n, 2])
            value[n, 0], value[n, 1], value[n, 2] = nx, ny, nz
            toward, lit = nx * lamp[0] + ny * lamp[1] + nz * lamp[2], _F(0)
            if toward > -materials[m, WRAP]:  # else the lamp is behind the surface, in shadow or not
                lit = _lit(
                    start[0] + rx * depth, start[1] + ry * depth, start[2] + rz * depth, toward,
                    shadow_inverse, shadow_frame, shadow_focal, shadow_center, shadow_bias,
                )  # fmt: skip
            r, g, b = _reflected(value, n, m, materials, gloss, lamp, lit, rx, ry, rz)
            color[y, x, 0] += r * share * hits
            color[y, x, 1] += g * share * hits
            color[y, x, 2] += b * share * hits


@inlined
def _reflected(value, n, m, materials, gloss, lamp, lit, rx, ry, rz):
    """Light towards the eye: wrapped Lambert, Blinn's highlight, and a sheen at grazing angles."""
    nx, ny, nz = value[n, 0], value[n, 1], value[n, 2]
    toward = nx * lamp[0] + ny * lamp[1] + nz * lamp[2]
    ex, ey, ez = _unit(-rx, -ry, -rz)
    hx, hy, hz = _unit(lamp[0] + ex, lamp[1] + ey, lamp[2] + ez)
    # Schlick's rational stand-in for a power: h / (p − p h + h).
    half, power = max(_F(0), nx * hx + ny * hy + nz * hz), materials[m, GLOSS_POWER]
    highlight = half / (power - power * half + half) * lit
    graze = _F(1) - max(_F(0), nx * ex + ny * ey + nz * ez)
    rim = _F(0.04) + graze * graze * graze
    red = _channel(0, value, n, m, materials, gloss, lamp, toward, lit, highlight, rim)
    green = _channel(1, value, n, m, materials, gloss, lamp, toward, lit, highlight, rim)
    blue = _channel(2, value, n, m, materials, gloss, lamp, toward, lit, highlight, rim)
    return red, green, blue


@inlined
def _channel(i, value, n, m, materials, gloss, lamp, toward, lit, highlight, rim):
    wrap = materials[m, WRAP + i]
    diffuse = max(_F(0), (toward + wrap) / (_F(1) + wrap)) * lit
    ambient, key = value[n, AMBIENT + i], lamp[3 + i]
    return value[n, ALBEDO + i] * (ambient + diffuse * key) + gloss * (highlight * key + rim * ambient)


@inlined
def _unit(x, y, z):
    scale = _F(1.0) / np.sqrt(x * x + y * y + z * z + _F(1e-12))
    return x * scale, y * scale, z * scale


@inlined
def _interpolate(value, n, f, row, column, planes, faces, attributes):
    """Perspective-correct attributes of a face at a sample, and the depth, into `value`."""
    c, r = _F(column), _F(row)
    w0 = planes[f, 0] * c + planes[f, 1] * r + planes[f, 2]
    w1 = planes[f, 3] * c + planes[f, 4] * r + planes[f, 5]
    w2 = planes[f, 6] * c + planes[f, 7] * r + planes[f, 8]
    depth = _F(1.0) / (w0 + w1 + w2)
    w0, w1, w2 = w0 * depth, w1 * depth, w2 * depth
    i0, i1, i2 = _index(faces[f, 0]), _index(faces[f, 1]), _index(faces[f, 2])
    for i in range(ATTRIBUTES):
        value[n, i] = w0 * attributes[i0, i] + w1 * attributes[i1, i] + w2 * attributes[i2, i]
    value[n, DEPTH] = depth


@inlined
def _apply_image(value, n, m, materials, pictures):
    """The material's image on the interpolated albedo."""
    if materials[m, IMAGE] >= 0:
        scale = materials[m, IMAGE_SCALE]
        picture = pictures[_index(materials[m, IMAGE])]
        red, green, blue = texel(value[n, TEXTURE] * scale, value[n, TEXTURE + 1] * scale, picture)
        value[n, ALBEDO] *= red
        value[n, ALBEDO + 1] *= green
        value[n, ALBEDO + 2] *= blue


@inlined
def _nearest_cell(value, n, m, materials, footprint):
    """The noise's cell where a pixel is wider than half of one, so that whether cells blend into each other
    cannot be seen; else -1."""
    scale = materials[m, NOISE_SCALE]
    if footprint * scale <= _F(0.5 / 64.0):
        return -1
    x, y, z = value[n, TEXTURE] * scale, value[n, TEXTURE + 1] * scale, value[n, TEXTURE + 2] * scale
    return nearest_cell(x, y, z)


@inlined
def _apply_noise(value, n, m, materials, noise, cell):
    """The material's noise on albedo and normal."""
    strength, bump = materials[m, NOISE], materials[m, BUMP]
    if strength > 0 or bump > 0:
        if cell >= 0:
            grain, gx, gy, gz = cell_noise(_index(cell), noise)
        else:
            scale = materials[m, NOISE_SCALE]
            x, y, z = value[n, TEXTURE] * scale, value[n, TEXTURE + 1] * scale, value[n, TEXTURE + 2] * scale
            grain, gx, gy, gz = noise_at(x, y, z, noise)
        gain = _F(1.0) + strength * grain
        # Blood, not paint: in skin, green and blue vary more than red.
        value[n, ALBEDO] *= gain if materials[m, KIND] != _F(SKIN) else _F(1.0) + _F(0.45) * strength * grain
        value[n, ALBEDO + 1] *= gain
        value[n, ALBEDO + 2] *= gain
        value[n, 0] += bump * gx
        value[n, 1] += bump * gy
        value[n, 2] += bump * gz


@inlined
def _apply_detail(value, n, d, details, gloss):
    """A nail or a crease at a frame (center, along, across, out) of the template; returns the gloss there."""
    x, y, z = (
        value[n, TEXTURE] - details[d, 1],
        value[n, TEXTURE + 1] - details[d, 2],
        value[n, TEXTURE + 2] - details[d, 3],
    )
    along = (x * details[d, 4] + y * details[d, 5] + z * details[d, 6]) / details[d, 13]
    across = (x * details[d, 7] + y * details[d, 8] + z * details[d, 9]) / details[d, 14]
    out = x * details[d, 10] + y * details[d, 11] + z * details[d, 12]
    if details[d, 0] == _F(CREASE):
        if out < 0:
            deep = np.exp(-along * along) * min(_F(1.0), -out * _F(400.0))
            value[n, ALBEDO] *= _F(1) - _F(0.28) * deep
            value[n, ALBEDO + 1] *= _F(1) - _F(0.38) * deep
            value[n, ALBEDO + 2] *= _F(1) - _F(0.38) * deep
        return gloss
    # A nail: a rounded rectangle, lighter at its free edge, in a slightly darker fold of skin.
    inside = along * along * along * along + across * across * across * across
    if out < 0 or inside > _F(1.45):
        return gloss
    if inside > _F(1):
        for i in range(3):
            value[n, ALBEDO + i] *= _F(0.86)
        return gloss
    white = _F(0.30) if along > _F(0.72) else _F(0.10)
    mean = (value[n, ALBEDO] + value[n, ALBEDO + 1] + value[n, ALBEDO + 2]) * _F(0.1667)
    value[n, ALBEDO] += white * (_F(0.55) + mean - value[n, ALBEDO])
    value[n, ALBEDO + 1] += white * (_F(0.42) + mean - value[n, ALBEDO + 1])
    value[n, ALBEDO + 2] += white * (_F(0.40) + mean - value[n, ALBEDO + 2])
    return max(gloss, _F(0.22))


@inlined
def _lit(px, py, pz, toward, inverse_depth, frame, focal, center, bias):
    """How much of the key light reaches a point: 0 to 1, bilinear over four texels of the shadow map."""
    z = frame[2, 0] * px + frame[2, 1] * py + frame[2, 2] * pz + frame[2, 3]
    if z <= _F(0):
        return _F(1.0)
    scale = focal / z
    x = (frame[0, 0] * px + frame[0, 1] * py + frame[0, 2] * pz + frame[0, 3]) * scale + center
    y = (frame[1, 0] * px + frame[1, 1] * py + frame[1, 2] * pz + frame[1, 3]) * scale + center
    size = inverse_depth.shape[0]
    if x < _F(0) or y < _F(0) or x >= _F(size - 1) or y >= _F(size - 1):
        return _F(1.0)
    i, j = _index(x), _index(y)
    fx, fy = x - _F(i), y - _F(j)
    nearest = _F(1.0) / max(z - bias * (_F(2) - min(_F(1.0), abs(toward))), _F(1e-3))
    free00 = _F(inverse_depth[j, i] <= nearest)
    free01 = _F(inverse_depth[j, i + 1] <= nearest)
    free10 = _F(inverse_depth[j + 1, i] <= nearest)
    free11 = _F(inverse_depth[j + 1, i + 1] <= nearest)
    upper = free00 + (free01 - free00) * fx
    return upper + ((free10 + (free11 - free10) * fx) - upper) * fy
