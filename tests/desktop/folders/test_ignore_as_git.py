"""Our ignore rules leave out what git leaves out, by the same line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from howdah_desktop.folders.ignore import Ignore, lines_of
from kit.git_ignore import GIT, Repository, Tree

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed, and nothing else knows")

NAMES = [
    *("a", "b", "ab", "a.b", ".a", "A", "#a", "!b"),
    *("a b", "[a]", "a-", "\\", "*", "]", "a\n"),
]
"""All ASCII: git counts bytes, so that its "?" takes a part of any other sign; ours takes all of it."""
LINES_OF = ".gitignore"


def trees(depth: int) -> st.SearchStrategy[Tree]:
    inner: st.SearchStrategy[Tree | str] = st.just("")
    if depth:
        inner = inner | trees(depth - 1)
    entries = st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=4)
    return st.builds(_with_rules, entries, st.none() | rules())


def _with_rules(entries: dict[str, Tree | str], text: str | None) -> Tree:
    return entries if text is None else {**entries, LINES_OF: text}


def steps() -> st.SearchStrategy[str]:
    bracket = st.builds(
        "[{}{}]".format,
        st.sampled_from(["", "!", "^"]),
        st.text(st.sampled_from("ab.-!^[]:A"), min_size=1, max_size=4)
        | st.sampled_from(
            ["[:alpha:]", "[:digit:]b", "a-z", "z-a", "\\]", "a-\\]", "[:no:]", "!-~"]
        ),
    )
    piece = (
        st.sampled_from(NAMES)
        | st.sampled_from(
            ["*", "**", "?", "\\*", "\\a", "\\ ", " ", "[", "\\[", "b*", "*.b", "\\#"]
        )
        | bracket
    )
    whole = st.lists(piece, min_size=1, max_size=3).map("".join)
    # "a**" is "a*" by the documentation; what git 2.39 makes of it goes by addresses in its memory
    # (wildmatch.c compares one into the pattern with one into the text).
    return whole.filter(lambda step: "**" not in step) | st.sampled_from(["*", "**"])


def patterns() -> st.SearchStrategy[str]:
    return st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "", "!", "/", "!/"]),
        st.lists(steps(), min_size=1, max_size=3).map("/".join),
        st.sampled_from(["", "", "/", "/**", "/*"]),
        st.sampled_from(["", "", " ", "\r", "\t"]),
    ).filter(lambda line: "\n" not in line)


def rules() -> st.SearchStrategy[str]:
    line = patterns() | st.sampled_from(["", "# a", "#a", "\\", "a\\", "/", "!", "//a", "a//b"])
    return st.lists(line, min_size=1, max_size=4).map("\n".join)


def as_we_say(tree: Tree, exclude: str) -> dict[str, tuple[str, int]]:
    """The same from our rules, by walking the tree as the scanner does."""
    found: dict[str, tuple[str, int]] = {}
    _walk(tree, "", Ignore.of(lines_of(exclude), defaults=False), None, found)
    return found


def _walk(
    tree: Tree,
    folder: str,
    ignore: Ignore,
    above: tuple[str, int] | None,
    found: dict[str, tuple[str, int]],
) -> None:
    text = tree.get(LINES_OF)
    if above is None:
        ignore = ignore.within(folder, text if isinstance(text, str) else None)
    for name, what in tree.items():
        path = f"{folder}/{name}" if folder else name
        reason = above
        if reason is None and (rule := ignore.rule_for(folder, name, not isinstance(what, str))):
            source = rule.source.replace(".howdahignore", LINES_OF)
            reason = source.replace("settings", ".git/info/exclude"), rule.line
        if reason is not None:
            found[path] = reason
        if not isinstance(what, str):
            _walk(what, path, ignore, reason, found)


def paths_of(tree: Tree, folder: str = "") -> list[str]:
    found = []
    for name, what in tree.items():
        found.append(f"{folder}{name}")
        if not isinstance(what, str):
            found += paths_of(what, f"{folder}{name}/")
    return found


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("git") / "repository")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees(2), exclude=rules())
@example(tree={"a": {"b": "", "a": {"b": ""}}, LINES_OF: "a/**\n!a/a"}, exclude="b")
@example(tree={"a": {"b": "", LINES_OF: "!b"}, "b": ""}, exclude="b")
@example(tree={"a": {"b": {"a": ""}}, "a.b": ""}, exclude="/**/\n!a.b")
@example(tree={"a b": "", "a ": "", "a": ""}, exclude="a\\ \na   ")
@example(tree={"]": "", "a-": "", "\\": ""}, exclude="[]-]\n[[:punct:]]\na[!b]")
def test_what_is_left_out_and_by_which_line_is_what_git_says(
    repository: Repository, tree: Tree, exclude: str
) -> None:
    repository.plant(tree, exclude)
    assert as_we_say(tree, exclude) == repository.left_out(paths_of(tree))


def test_the_oracle_is_not_blind(repository: Repository, tmp_path: Path) -> None:
    repository.plant({"a": "", "b": {"a": ""}, LINES_OF: "/a"}, "b/")
    assert repository.left_out(["a", "b", "b/a", LINES_OF]) == {
        "a": (LINES_OF, 1),
        "b": (".git/info/exclude", 1),
        "b/a": (".git/info/exclude", 1),
    }
