"""The map from module to tests is complete; when it is not: python tests/modules.py --update."""

from __future__ import annotations

import modules

TABLE = modules.read()


def test_every_module_has_tests():
    assert list(TABLE) == modules.modules()
    assert [module for module, files in TABLE.items() if not files] == []


def test_every_test_file_is_one_of_a_module():
    assert sorted({file for files in TABLE.values() for file in files}) == (
        modules.test_files()
    )


def test_the_command_prints_the_files_of_modules_once(capsys):
    assert modules.main(["bfxsync/errors.py", "bfxsync/errors.py"]) == 0
    assert capsys.readouterr().out.splitlines() == TABLE["bfxsync/errors.py"]


def test_an_unknown_module_is_refused(capsys):
    assert modules.main(["bfxsync/mistakes.py"]) == 1
    assert "bfxsync/mistakes.py" in capsys.readouterr().err


def test_a_module_has_the_few_files_that_call_it_all(monkeypatch):
    package = "bfxsync/__init__.py"
    monkeypatch.setattr(modules, "modules", lambda: ["a", "b", package])
    monkeypatch.setattr(modules, "test_files", lambda: ["all", "few", "of_a", "none"])
    monkeypatch.setattr(modules, "_importers", lambda module: [])
    calls = {
        "a": {"all": {"f", "g"}, "few": {"f"}, "of_a": {"f"}},
        "b": {"all": {"h", "i", "j"}, "few": {"h"}},
    }
    assert modules.assign(calls) == {
        "a": ["of_a", "all", "few"],
        "b": ["all"],
        package: ["none"],
    }


def test_an_update_drops_what_is_gone_and_places_what_is_new(monkeypatch):
    package = "bfxsync/__init__.py"
    monkeypatch.setattr(modules, "modules", lambda: [package, "kept", "new"])
    monkeypatch.setattr(modules, "test_files", lambda: ["a", "b", "c"])
    monkeypatch.setattr(modules, "_importers", lambda module: ["b"])
    table = {package: ["a"], "gone": ["a"], "kept": ["gone", "a"]}
    assert modules.update(table) == {package: ["a", "c"], "kept": ["a"], "new": ["b"]}
