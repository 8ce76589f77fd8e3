"""The open hand: a right hand generated from published anthropometry, in MANO's layout.

`build.build_open_hand()` runs the steps in order: measures → skeleton → implicit surface → mesh of exactly
778 vertices → skinning, joint regressor, shape space, pose correctives. Inside this package lengths are
millimetres and points are (distal, dorsal, radial) from the wrist's center of rotation; `frames.to_template`
turns them into the model's metres and axes.
"""
