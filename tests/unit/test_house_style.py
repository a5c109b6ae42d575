"""The house rules that a machine can see: sizes, names, layers, variables, the tree."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("medialib", "labelling", "search")
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
DRAWERS = {"utils.py", "helpers.py", "common.py"}
# The step runner marks the step failed and raises again: the one place that may catch everything.
BROAD_EXCEPT_AT = {"medialib/pipeline.py"}
TOP_LEVEL = {
    *("manage.py", "medialib", "labelling", "search", "templates", "tests", "requirements.txt"),
    *("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
    *("pyproject.toml", "Makefile", "Dockerfile", "compose.yaml"),
    *(".env.example", ".ci", ".gitignore", ".gitattributes", ".dockerignore"),
}
# Modules that hold no layer: wiring that Django and servers look for by name.
WIRING = {"settings", "environment", "asgi", "wsgi", "celery", "broker", "apps", "migrations"}
# Variables of other programs that ours merely hand on.
FOREIGN_VARIABLES = {"DJANGO_SETTINGS_MODULE"}


def tracked_files() -> list[Path]:
    """List the project's own files: what git keeps or would keep, or all where there is no git."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("This is no git checkout, so it can't be told which files are the project's.")
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def sources() -> list[Path]:
    return [
        path for path in tracked_files() if path.suffix == ".py" and "migrations" not in path.parts
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_is_longer_than_a_person_reads() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    too_long[f"{name_of(path)}:{node.name}"] = length
    assert too_long == {}


def test_every_module_says_its_duty() -> None:
    silent = [
        name_of(path)
        for path in sources()
        if (text := path.read_text()).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_nothing_is_put_into_a_drawer() -> None:
    assert [name_of(path) for path in sources() if path.name in DRAWERS] == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        each is None or (isinstance(each, ast.Name) and each.id in ("Exception", "BaseException"))
        for each in caught
    )


def reraises(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler only cleans up: it ends by raising what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_errors_are_caught_by_name() -> None:
    broad = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        if name_of(path) not in BROAD_EXCEPT_AT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not reraises(node)
    ]
    assert broad == []


def test_the_top_of_the_tree_is_as_designed() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked_files()} - TOP_LEVEL == set()


def test_every_module_stands_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contracts["contracts"] if each["type"] == "layers")["layers"]
    placed = set(re.findall(r"[a-z_]+\.[a-z_]+", " ".join(layers)))
    modules = {
        f"{package}.{path.relative_to(ROOT / package).parts[0].removesuffix('.py')}"
        for package in PACKAGES
        for path in sources()
        if path.is_relative_to(ROOT / package) and path != ROOT / package / "__init__.py"
    }
    loose = {name for name in modules - placed if name.split(".")[1] not in WIRING}
    assert loose == set()


def variables_read() -> set[str]:
    """Find the names of environment variables in the code that reads them."""
    found: set[str] = set()
    for path in sources():
        if path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and reads_environment(node.func):
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found.add(name.value)
    return found - FOREIGN_VARIABLES


def reads_environment(function: ast.expr) -> bool:
    text = ast.unparse(function)
    return text.startswith(("env.", "env(", "os.environ.", "os.getenv")) or text == "network_list"


def test_every_variable_is_explained() -> None:
    explained = set(
        re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M)
    )
    # Amazon's own library reads its credentials by itself.
    by_libraries = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert explained - by_libraries == variables_read()


@pytest.mark.django_db
def test_migrations_say_what_the_models_say() -> None:
    out = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(out.getvalue())
