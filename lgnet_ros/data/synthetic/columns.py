"""The columns of the tables that the shading loops read."""

from __future__ import annotations

# Columns of the per-vertex attributes.
NORMAL, ALBEDO, AMBIENT, TEXTURE = 0, 3, 6, 9
ATTRIBUTES = 12
DEPTH = ATTRIBUTES  # where a sample's depth is put behind what it sees

# Columns of the material table.
KIND, IMAGE, IMAGE_SCALE, NOISE, NOISE_SCALE, BUMP, GLOSS, GLOSS_POWER, LABEL, WRAP = range(10)  # WRAP: three
MATERIAL_COLUMNS = 12
PLAIN, SKIN = 0.0, 1.0

# Columns of the detail table: frames on the hand's template where a nail lies or a crease runs.
DETAIL_COLUMNS = 15
NAIL, CREASE = 0.0, 1.0
