"""Isotropic remeshing of an implicit surface to an exact number of vertices.

Split, collapse, flip and relax (Botsch and Kobbelt, "A remeshing approach to multiresolution modeling",
2004), with edge lengths measured against a size field and every vertex kept on the surface by a projection.
Open edges and fixed vertices stay as they are. Loops run in index order: the same input gives the same mesh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]
Face = tuple[int, ...]  # three vertices, counter-clockwise from outside

_SPLIT, _COLLAPSE = 4.0 / 3.0, 4.0 / 5.0


class SurfaceMesh:
    """A triangle mesh under edit: positions, live faces and the faces around each vertex."""

    def __init__(
        self, vertices: np.ndarray, faces: np.ndarray, fixed: np.ndarray, size: Field, project: Field
    ) -> None:
        self.positions: list[np.ndarray] = list(np.asarray(vertices, float))
        self.fixed: list[bool] = [bool(flag) for flag in fixed]
        self.faces: dict[int, Face] = {i: tuple(int(v) for v in f) for i, f in enumerate(faces)}
        self.around: list[set[int]] = [set() for _ in self.positions]
        for index, face in self.faces.items():
            for vertex in face:
                self.around[vertex].add(index)
        self.next_face = len(self.faces)
        self.size, self.project = size, project

    @property
    def vertex_count(self) -> int:
        return sum(1 for faces in self.around if faces)

    def neighbors(self, vertex: int) -> set[int]:
        return {other for face in self.around[vertex] for other in self.faces[face]} - {vertex}

    def edges(self) -> list[tuple[int, int]]:
        """Inner edges (two faces), sorted."""
        count: dict[tuple[int, int], int] = {}
        for a, b, c in self.faces.values():
            for edge in ((a, b), (b, c), (c, a)):
                key = (min(edge), max(edge))
                count[key] = count.get(key, 0) + 1
        return sorted(edge for edge, uses in count.items() if uses == 2)

    def relative_lengths(self, edges: list[tuple[int, int]]) -> np.ndarray:
        """Edge lengths over the size wanted at their middle."""
        ends = np.array([(self.positions[a], self.positions[b]) for a, b in edges])
        return np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) / self.size(ends.mean(1))

    def _add(self, face: Face) -> None:
        self.faces[self.next_face] = face
        for vertex in face:
            self.around[vertex].add(self.next_face)
        self.next_face += 1

    def _remove(self, index: int) -> None:
        for vertex in self.faces.pop(index):
            self.around[vertex].discard(index)

    def _pair(self, a: int, b: int) -> tuple[int, int] | None:
        shared = sorted(self.around[a] & self.around[b])
        return (shared[0], shared[1]) if len(shared) == 2 else None

    def split(self, a: int, b: int) -> bool:
        pair = self._pair(a, b)
        if pair is None:
            return False
        middle = (self.positions[a] + self.positions[b]) / 2  # relaxing brings it back onto the surface
        new = len(self.positions)
        self.positions.append(middle)
        self.fixed.append(False)
        self.around.append(set())
        for index in pair:
            face = self.faces[index]
            self._remove(index)
            self._add(tuple(new if v == a else v for v in face))
            self._add(tuple(new if v == b else v for v in face))
        return True

    def collapse(self, a: int, b: int, longest: float = _SPLIT) -> bool:
        """Merge a into b; refused where it would fold, pinch, or make an edge longer than `longest`."""
        if self.fixed[a]:
            a, b = b, a
        pair = self._pair(a, b)
        if self.fixed[a] or pair is None or len(self.neighbors(a) & self.neighbors(b)) != 2:
            return False
        rim = {v for index in pair for v in self.faces[index]} - {a, b}
        if any(len(self.neighbors(v)) <= 4 and not self.fixed[v] for v in rim):
            return False
        target = self.positions[b]
        if not self.fixed[b]:
            target = (self.positions[a] + self.positions[b]) / 2
        spokes = sorted((self.neighbors(a) | self.neighbors(b)) - {a, b})
        if np.any(self._spoke_lengths(target, spokes) > longest) or self._folds(a, b, target):
            return False
        for index in sorted(self.around[a]):
            face = self.faces[index]
            self._remove(index)
            if b not in face:
                self._add(tuple(b if v == a else v for v in face))
        self.positions[b] = target
        return True

    def _spoke_lengths(self, target: np.ndarray, spokes: list[int]) -> np.ndarray:
        ends = np.array([self.positions[v] for v in spokes])
        return np.linalg.norm(ends - target, axis=1) / self.size((ends + target) / 2)

    def _folds(self, a: int, b: int, target: np.ndarray) -> bool:
        for index in sorted(self.around[a] ^ self.around[b]):
            face = self.faces[index]
            before = self._normal([self.positions[v] for v in face])
            after = self._normal([target if v in (a, b) else self.positions[v] for v in face])
            if before @ after < 0.3 * np.linalg.norm(before) * np.linalg.norm(after):
                return True
        return False

    @staticmethod
    def _normal(corners: list[np.ndarray]) -> np.ndarray:
        return np.cross(corners[1] - corners[0], corners[2] - corners[0])

    def flip(self, a: int, b: int) -> bool:
        """Swap the diagonal of the two faces at (a, b) where valences or angles gain."""
        pair = self._pair(a, b)
        if pair is None:
            return False
        first, second = (self.faces[index] for index in pair)
        c, d = (next(v for v in face if v not in (a, b)) for face in (first, second))
        if d in self.neighbors(c):
            return False
        if (first.index(b) - first.index(a)) % 3 != 1:
            a, b = b, a  # the first face runs a → b → c
        if not self._flip_gains(a, b, c, d):
            return False
        for index in pair:
            self._remove(index)
        self._add((a, d, c))
        self._add((d, b, c))
        return True

    def _flip_gains(self, a: int, b: int, c: int, d: int) -> bool:
        pa, pb, pc, pd = (self.positions[v] for v in (a, b, c, d))
        old = self._normal([pa, pb, pc]), self._normal([pb, pa, pd])
        new = self._normal([pa, pd, pc]), self._normal([pd, pb, pc])
        mean = old[0] + old[1]
        if min(n @ mean / (np.linalg.norm(n) * np.linalg.norm(mean) + 1e-12) for n in new) < 0.5:
            return False
        change = sum(self._valence_excess(v, +1) for v in (c, d)) + sum(
            self._valence_excess(v, -1) for v in (a, b)
        )
        shorter = np.linalg.norm(pc - pd) < 0.95 * np.linalg.norm(pa - pb)
        return change < 0 or (change == 0 and shorter)

    def _valence_excess(self, vertex: int, change: int) -> int:
        if self.fixed[vertex]:
            return 0
        valence = len(self.around[vertex])
        return (valence + change - 6) ** 2 - (valence - 6) ** 2

    def relax(self, strength: float = 0.6) -> None:
        """Move free vertices towards their neighbors' size-weighted mean, back onto the surface."""
        movable = [v for v, faces in enumerate(self.around) if faces and not self.fixed[v]]
        positions = np.array(self.positions)
        sizes = self.size(positions)
        moved = []
        for vertex in movable:
            ring = sorted(self.neighbors(vertex))
            weights = 1.0 / sizes[ring] ** 2
            center = (positions[ring] * weights[:, None]).sum(0) / weights.sum()
            moved.append(positions[vertex] + strength * (center - positions[vertex]))
        for vertex, position in zip(movable, self.project(np.array(moved)), strict=True):
            self.positions[vertex] = position

    def compact(self) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3) positions and (F, 3) faces, unused vertices dropped, order kept."""
        used = [v for v, faces in enumerate(self.around) if faces]
        renumber = {v: i for i, v in enumerate(used)}
        faces = [tuple(renumber[v] for v in self.faces[index]) for index in sorted(self.faces)]
        return np.array([self.positions[v] for v in used]), np.array(faces, dtype=np.int64)


def remesh(
    mesh: SurfaceMesh, vertex_count: int, rounds: int = 8, polish: int = 12
) -> tuple[np.ndarray, np.ndarray]:
    """Remesh to `vertex_count` vertices; the size field counts up to a common factor, found on the way.

    Returns:
        (vertex_count, 3) positions on the surface and the faces; fixed vertices keep their order in front of
        the free ones as far as they had it.
    """
    base, factor = mesh.size, 1.0
    for _ in range(rounds):
        mesh.size = _scaled(base, factor)
        _one_round(mesh)
        factor *= float(np.clip(np.sqrt(mesh.vertex_count / vertex_count), 0.7, 1.4))
    mesh.size = _scaled(base, factor)
    for _ in range(polish):
        _match_count(mesh, vertex_count)
        _flip_all(mesh)
        mesh.relax()
    return mesh.compact()


def _scaled(size: Field, factor: float) -> Field:
    return lambda points: factor * size(points)


def _one_round(mesh: SurfaceMesh) -> None:
    edges = mesh.edges()
    for (a, b), length in zip(edges, mesh.relative_lengths(edges), strict=True):
        if length > _SPLIT:
            mesh.split(a, b)
    edges = mesh.edges()
    for (a, b), length in zip(edges, mesh.relative_lengths(edges), strict=True):
        if length < _COLLAPSE and mesh.around[a] and mesh.around[b]:
            mesh.collapse(a, b)
    for _ in range(3):
        _flip_all(mesh)
        mesh.relax()


def _flip_all(mesh: SurfaceMesh) -> None:
    for a, b in mesh.edges():
        mesh.flip(a, b)


def _match_count(mesh: SurfaceMesh, vertex_count: int) -> None:
    """Collapse the relatively shortest or split the relatively longest edges until the count is right."""
    while mesh.vertex_count != vertex_count:
        edges = mesh.edges()
        order = np.argsort(mesh.relative_lengths(edges), kind="stable")
        if mesh.vertex_count < vertex_count:
            mesh.split(*edges[order[-1]])
        elif not any(mesh.collapse(edges[i][0], edges[i][1], np.inf) for i in order):
            raise RuntimeError("remesh: no edge left that may be collapsed")
