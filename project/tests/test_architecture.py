"""The import rule: project -> gql -> rag -> chat, what rag may know of chat, and chat's protocols of the rest of it.

Read from the imports themselves.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "chat": {"chat"},
    "rag": {"rag", "chat"},
    "gql": {"gql", "rag", "chat"},
    "project": {"project", "gql", "rag", "chat"},
}
OF_CHAT_FOR_RAG = {
    "chat.actions",
    "chat.access.authentication",
    "chat.database",
    "chat.downloads",
    "chat.errors",
    "chat.events",
    "chat.files",
    "chat.limiting.limits",
    "chat.ops.figures",
    "chat.mentions",
    "chat.middleware",
    "chat.selectors",
    "chat.main_namespace.namespace",
    "chat.text",
}
# What a module that calls itself pure must not reach, not even by way of others.
IMPURE = {
    "django", "channels", "channels_redis", "procrastinate", "redis", "psycopg", "psycopg_pool", "anthropic", "httpx",
    "asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "socket", "ssl", "select", "http.client",
    "urllib.request", "tempfile", "shutil", "logging", "time", "random", "secrets",
    "pathlib.Path", "os.environ", "os.getenv",
}  # fmt: skip
_SAYS_PURE = re.compile(r"\bPure[.:]")

# What is generic, and what of the rest of chat it may import: nothing that knows of rooms, messages and users.
GENERIC = {
    "chat/sockets": {
        "chat.background",
        "chat.cancellation",
        "chat.counters",
        "chat.errors",
        "chat.limiting",
        "chat.per_loop",
    },
    "chat/limiting": {"chat.counters", "chat.errors", "chat.per_loop"},
}


def source_files(app: str) -> list[Path]:
    return [p for p in (ROOT / app).rglob("*.py") if "migrations" not in p.parts and "tests" not in p.parts]


def _module_name(path: Path) -> str:
    """The dotted name by which the file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(path: Path) -> set[str]:
    """Every module that the file imports when it runs, at the top or inside a function; not those for types alone."""
    package = ".".join(path.relative_to(ROOT).parts[:-1])
    names: set[str] = set()
    tree = ast.parse(path.read_text())
    for_types = {id(node) for block in ast.walk(tree) if _is_for_types(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(
                    filter(None, [*package.split(".")[: len(package.split(".")) - node.level + 1], base])
                )
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_apps_import_only_what_lies_below_them(app):
    ours = set(MAY_IMPORT)
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in source_files(app)
        for name in imports(path)
        if name.split(".")[0] in ours - MAY_IMPORT[app]
    }
    assert wrong == set()


def test_rag_knows_only_the_front_of_chat():
    wrong = set()
    for path in source_files("rag"):
        for name in imports(path):
            if name.startswith("chat.") and not any(
                name == ok or name.startswith(ok + ".") for ok in OF_CHAT_FOR_RAG
            ):
                wrong.add(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == set()


@pytest.mark.parametrize("package", GENERIC)
def test_generic_packages_know_nothing_of_rooms_and_messages(package):
    allowed = GENERIC[package] | {package.replace("/", ".")}
    files = list((ROOT / package).rglob("*.py"))
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if name.startswith("chat.") and not any(name == ok or name.startswith(ok + ".") for ok in allowed)
    }
    assert len(files) > 3 and wrong == set()


def test_no_module_imports_itself_by_way_of_others():
    modules = {_module_name(path): path for app in MAY_IMPORT for path in source_files(app)}
    graph = {name: {n for n in imports(path) if n in modules} - {name} for name, path in modules.items()}
    # What is left when modules that import nothing of what is left are taken away, again and again.
    while leaves := {name for name, others in graph.items() if not others & graph.keys()}:
        for name in leaves:
            del graph[name]
    assert graph == {}


def _says_pure(path: Path) -> bool:
    """Whether the docstring of the module, or of its package, says `Pure.`"""
    return any(
        _SAYS_PURE.search(ast.get_docstring(ast.parse(file.read_text())) or "")
        for file in (path, path.with_name("__init__.py"))
    )


def _way_to_the_impure(name: str, imported: dict[str, set[str]], seen: set[str]) -> str | None:
    """By which imports a module reaches something that does I/O, waits or asks the clock; None if it does not."""
    seen.add(name)
    for other in sorted(imported[name]):
        if any(other == impure or other.startswith(f"{impure}.") for impure in IMPURE):
            return f"{name} -> {other}"
        if other in imported and other not in seen and (rest := _way_to_the_impure(other, imported, seen)):
            return f"{name} -> {rest}"
    return None


def test_modules_that_call_themselves_pure_are():
    modules = {_module_name(path): path for app in MAY_IMPORT for path in source_files(app)}
    imported = {name: imports(path) for name, path in modules.items()}
    pure = {name: path for name, path in modules.items() if _says_pure(path)}

    assert [way for name in pure if (way := _way_to_the_impure(name, imported, set()))] == []
    opening = [
        name
        for name, path in pure.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]
    assert opening == []
    # Nobody took the word out of what is tested with values alone.
    assert {
        "chat.sockets.protocol.socketio",
        "rag.answering.citations",
        "gql.protection.scan",
    } <= pure.keys() and len(pure) > 40


def test_what_is_impure_is_found_by_way_of_others():
    imported = {"a": {"re", "b"}, "b": {"a", "c"}, "c": {"pathlib", "pathlib.Path"}}
    assert _way_to_the_impure("a", imported, set()) == "a -> b -> c -> pathlib.Path"
    assert _way_to_the_impure("a", {"a": {"pathlib", "pathlib.PurePath", "timeit"}}, set()) is None
