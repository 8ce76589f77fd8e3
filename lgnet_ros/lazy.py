"""Names of a package that are loaded when they are asked for: who wants one does without the libraries of the
others.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module


def on_demand(package: str, **names: tuple[str, ...]) -> Callable[[str], object]:
    """The package's `__getattr__` (PEP 562). names: of each of its modules, what the package hands on."""
    homes = {name: module for module, of_module in names.items() for name in of_module}

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return load
