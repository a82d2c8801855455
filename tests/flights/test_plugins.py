"""Plug-ins are found in their folder, and an absent folder has none."""

import sys

import pytest

from flights.plugins import load_plugins


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with two plug-ins."""
    folder = tmp_path / "planted_plugins"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in ("b", "a"):
        (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("planted_plugins")]:
        del sys.modules[name]


def test_plugins_are_found_in_the_order_of_their_names(package):
    """Two files are two plug-ins."""
    assert [module.NAME for module in load_plugins("planted_plugins")] == ["a", "b"]


def test_a_deleted_plugin_is_gone(package):
    """Injected: one file is removed."""
    (package / "a.py").unlink()
    assert [module.NAME for module in load_plugins("planted_plugins")] == ["b"]


def test_an_absent_folder_has_no_plugins():
    """A deleted folder is no error."""
    assert load_plugins("flights.no_such_folder") == []


def test_a_plugin_that_cannot_be_imported_is_an_error(package):
    """Injected: a plug-in imports a module that does not exist; silence would drop a guard."""
    (package / "a.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        load_plugins("planted_plugins")
