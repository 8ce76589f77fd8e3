"""Two interacting hands from one camera image, as metric meshes, for ROS 2."""

from __future__ import annotations

import pkgutil

# The messages of this package (`lgnet_ros.msg`) are generated into a folder of their own. Without this
# line, the source folder hides them whenever Python starts in the repository's root.
__path__ = pkgutil.extend_path(__path__, __name__)
