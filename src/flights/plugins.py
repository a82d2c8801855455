"""Plug-ins: modules that a process finds in a folder. Deleting the file is all it takes to remove one."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def load_plugins(package: str) -> list[ModuleType]:
    """Import every module of a package by name, but those that start with "_"; an absent package has none."""
    try:
        folder = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is not None and package.startswith(error.name):
            return []
        raise
    names = sorted(each.name for each in pkgutil.iter_modules(folder.__path__) if each.name[0] != "_")
    return [importlib.import_module(f"{package}.{name}") for name in names]


def hooks(package: str, name: str) -> list[Any]:
    """The functions, or other values, of one name that the plug-ins of a package define."""
    return [getattr(module, name) for module in load_plugins(package) if hasattr(module, name)]
