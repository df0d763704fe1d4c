"""The house has three rings and imports point inward only. Read from the source: importing the package loads Flask."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "webapp"
LONGEST_FILE_LINES = 400

# What each part may import of the others (itself always). A part that is not listed is a fault.
INNER = {
    "orm": set(),
    "errors": set(),
    "money": set(),
    "catalog": {"money"},
    "ledger": {"orm", "errors"},
    "metering": {"catalog", "ledger", "orm", "errors"},
    "settings": set(),
    "exports": {"orm", "errors", "ledger"},
    "crashes": set(),
}
BILLING = {"orm", "errors", "money", "catalog", "ledger", "metering", "settings", "billing"}
EDGE = BILLING | {"alerts", "people", "operators", "exports", "web", "extensions", "worker", "doctor", "crashes"}
MAY_IMPORT = INNER | {
    "billing": BILLING,
    "alerts": {"orm", "errors", "catalog", "ledger", "billing"},
    "extensions": {"orm", "billing", "catalog", "settings", "crashes"},
    "people": {"orm", "errors", "ledger", "extensions", "settings"},
    "operators": {"orm", "errors", "ledger", "billing", "people"},
    "simulator": {"settings", "web", "extensions", "orm", "money", "billing"},
    "web": EDGE,
    "worker": EDGE,
    "doctor": EDGE,
    "views": EDGE | {"api"},  # a file of the history has the API's entries
    "api": EDGE,
    "cli": EDGE,
    "integrate": EDGE | {"api"},
    "client": set(),  # it is copied into other projects
    "": EDGE | {"views", "api", "cli", "simulator"},  # create_app knows all parts
    "devserver": EDGE | {"cli", ""},
}
WITHOUT_FLASK = {
    *("orm", "errors", "money", "catalog", "ledger", "metering", "settings", "billing", "alerts", "exports", "crashes"),
}
# Ring 1 and the pure parts stand on these alone, beside Python itself.
ONLY = {
    "ledger": {"sqlalchemy"},
    "orm": {"sqlalchemy"},
    "catalog": set(),
    "metering": {"sqlalchemy"},
    "money": set(),
    "errors": set(),
    "exports": {"sqlalchemy"},
    "crashes": set(),
    "client": set(),
}


@dataclass(frozen=True)
class Import:
    """One import statement's target, as a full dotted name."""

    file: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.name}"


def source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


PARTS = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in source_files()} - {"__init__"}


def imports_of(file: Path, source: str | None = None) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolved(file, node)
            yield from (Import(file, node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"} and node.args:
            yield Import(file, node.lineno, text_of(node.args[0]))


def resolved(file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    above = [*file.relative_to(ROOT).parent.parts]
    return ".".join(above[: len(above) - node.level + 1] + ([node.module] if node.module else []))


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def text_of(node: ast.expr) -> str:
    """A literal name, or of an f-string the part before its first value."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return str(node.value) if isinstance(node, ast.Constant) else "?"


def part_of(name: str) -> str:
    """`webapp.ledger.queries` is of the part `ledger`; the package itself is ``."""
    words = name.split(".")
    return words[1] if len(words) > 1 and words[1] in PARTS else ""


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "webapp"


@cache
def all_imports() -> list[Import]:
    """Read when they are first asked for: every process of the suite imports this file."""
    return [found for file in source_files() for found in imports_of(file)]


def test_the_test_sees_the_package():
    assert len(source_files()) > 40
    assert len(all_imports()) > 200
    assert {part_of(module_of(file)) for file in source_files()} == set(MAY_IMPORT)


def test_imports_point_inward_only():
    outward = [
        str(found)
        for found in all_imports()
        if is_ours(found.name)
        and (to := part_of(found.name)) != (of := part_of(module_of(found.file)))
        and to not in MAY_IMPORT[of]
    ]
    assert outward == []


def test_what_may_be_imported_goes_in_one_direction_in_the_inner_rings():
    for part, inner in MAY_IMPORT.items():
        if part in WITHOUT_FLASK:
            assert inner <= WITHOUT_FLASK, part


def test_the_inner_rings_never_import_flask():
    flask = ("flask", "werkzeug", "jinja2", "wtforms")
    found = [
        str(one)
        for one in all_imports()
        if part_of(module_of(one.file)) in WITHOUT_FLASK and one.name.lower().startswith(flask)
    ]
    assert found == []


def test_stripes_sdk_is_imported_by_the_gateway_and_the_simulator_only():
    users = {
        one.file.relative_to(PACKAGE).as_posix() for one in all_imports() if one.name.split(".")[0].lower() == "stripe"
    }
    assert "billing/gateway/calls.py" in users
    assert all(file.startswith(("simulator/", "billing/gateway/")) for file in users)


@pytest.mark.parametrize("part", sorted(ONLY))
def test_inner_parts_stand_on_python_and_little_else(part):
    allowed = ONLY[part] | set(sys.stdlib_module_names) | {"webapp"}
    found = [one for one in all_imports() if part_of(module_of(one.file)) == part]
    assert [str(one) for one in found if one.name.split(".")[0] not in allowed] == []


def test_the_simulator_is_not_imported_unless_it_is_chosen():
    eager = [str(one) for one in all_imports() if part_of(one.name) == "simulator" and "simulator" not in str(one.file)]
    assert eager == [one for one in eager if "webapp/__init__.py" in one]
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all("simulator" not in ast.unparse(node) for node in at_import)


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {
        str(file.relative_to(ROOT)): lines
        for file in [*source_files(), *(ROOT / "tests").rglob("*.py")]
        if "node_modules" not in file.parts and (lines := len(file.read_text().splitlines())) > LONGEST_FILE_LINES
    }
    assert long == {}


def test_every_module_is_reached_from_an_entrance():
    """Entrances: WSGI, the development server, what create_app names, and what products import."""
    modules = {module_of(file): file for file in source_files()}
    named = set(views_and_commands())
    reached, waiting = set(), ["webapp", "webapp.devserver", *named]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in modules:
            continue
        reached.add(module)
        waiting.append(module.rpartition(".")[0])
        for found in imports_of(modules[module]):
            waiting += [found.name, found.name.rpartition(".")[0]]
    assert sorted(set(modules) - reached) == []


def views_and_commands() -> Iterator[str]:
    for node in ast.parse((PACKAGE / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            folder = {"VIEWS": "views", "COMMANDS": "cli"}.get(node.targets[0].id)
            if folder:
                yield from (f"webapp.{folder}.{name}" for name in ast.literal_eval(node.value))
    yield from ("webapp.api", "webapp.simulator", "webapp.integrate", "webapp.client")


PLANTED = {
    "from flask import g": "flask.g",
    "import flask_login": "flask_login",
    "from webapp.web import errors": "webapp.web.errors",
    "def f():\n    from webapp.views.auth import bp": "webapp.views.auth.bp",
    "import stripe.error as e": "stripe.error",
    "from ..people import models": "webapp.people.models",
    "from importlib import import_module\nimport_module('stripe')": "stripe",
}


@pytest.mark.parametrize("source", sorted(PLANTED))
def test_the_reader_of_imports_sees_each_way_to_import(source):
    names = {found.name for found in imports_of(PACKAGE / "ledger" / "operations.py", source)}
    assert PLANTED[source] in names
