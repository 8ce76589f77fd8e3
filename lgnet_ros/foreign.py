"""OpenVINO, imported such that it keeps to itself."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from lgnet_ros.errors import UserError


def openvino() -> ModuleType:
    """The module. It, and NNCF, would tell its makers over the network each time that it converts.

    Raises:
        UserError: it is missing.
    """
    # Importing it fails from here on, which both provide for.
    sys.modules.setdefault("openvino_telemetry", None)
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise UserError(f"OpenVINO cannot be imported ({error}); pip install openvino") from None
