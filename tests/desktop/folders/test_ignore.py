"""Which entries are left out, by which rule, and what only, defaults and nested files do to that."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop.folders.default_rules import DEFAULTS, OURS
from howdah_desktop.folders.ignore import Ignore, problems
from howdah_desktop.folders.patterns import parse
from howdah_desktop.folders.rule import Rule


def bare(*lines: str) -> Ignore:
    return Ignore.of(lines, defaults=False)


def is_left_out(ignore: Ignore, path: str) -> bool:
    """`path` ends with a slash where a folder is meant."""
    folder, _, name = path.rstrip("/").rpartition("/")
    return ignore.rule_for(folder, name, path.endswith("/")) is not None


# From https://git-scm.com/docs/gitignore, "PATTERN FORMAT" and "EXAMPLES".
DOCUMENTED = [
    ("hello.*", ["hello.txt", "a/hello.c", "hello.d/"], ["hello", "a/ahello.c"]),
    ("/hello.*", ["hello.txt", "hello.c"], ["a/hello.java"]),
    ("foo/", ["foo/", "a/foo/"], ["foo", "a/foo"]),
    ("doc/frotz", ["doc/frotz", "doc/frotz/"], ["a/doc/frotz"]),
    ("/doc/frotz", ["doc/frotz"], ["a/doc/frotz"]),
    ("doc/frotz/", ["doc/frotz/"], ["doc/frotz", "a/doc/frotz/"]),
    ("frotz/", ["frotz/", "a/frotz/"], ["frotz"]),
    ("foo/*", ["foo/test.json", "foo/bar/"], ["foo/bar/hello.c", "foo/"]),
    ("**/foo", ["foo", "a/foo", "a/b/foo/"], ["afoo"]),
    ("**/foo/bar", ["foo/bar", "a/foo/bar"], ["a/foo/x/bar"]),
    ("abc/**", ["abc/x", "abc/x/y", "abc/x/"], ["abc", "abc/", "b/abc/x"]),
    ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["b", "x/a/b", "ab"]),
    ("*", ["a", "a/b", "a/"], []),
    ("/*", ["a", "a/"], ["a/b"]),
    ("*/", ["a/", "b/a/"], ["a", "a/b"]),
    ("**/", ["a/", "b/a/"], ["a"]),
    ("/**/*.c", ["a.c", "a/b.c"], ["a.h"]),
    ("\\!important!.txt", ["!important!.txt"], ["important!.txt"]),
    ("\\#a", ["#a"], ["a"]),
    ("a\\ ", ["a "], ["a", "a\\ "]),
    ("a   ", ["a"], ["a ", "a   "]),
    (" a", [" a"], ["a"]),
    ("a\\*", ["a*"], ["ab"]),
    ("a?c", ["abc", "aüc"], ["ac", "a/c", "abbc"]),
    ("[a-c]1", ["a1", "c1"], ["d1", "-1"]),
    ("[!a-c]1", ["d1"], ["a1", "1", "/1"]),
    ("a[!b]c/d", ["axc/d"], ["abc/d", "a/c/d"]),
    ("[[:digit:]]x", ["1x"], ["dx", ":x"]),
    ("*.[oa]", ["a.o", "b/b.a"], ["a.oa"]),
    ("[[]a]", ["[a]"], ["a", "aa"]),
    ("a&&b[a&&b]", ["a&&ba", "a&&b&"], ["a&&b"]),
    ("$(x)+{y}|z", ["$(x)+{y}|z"], ["z"]),
]


@pytest.mark.parametrize(("line", "out", "kept"), DOCUMENTED, ids=[row[0] for row in DOCUMENTED])
def test_a_pattern_means_what_the_documentation_of_gitignore_says(
    line: str, out: list[str], kept: list[str]
) -> None:
    ignore = bare(line)
    assert [path for path in out if not is_left_out(ignore, path)] == []
    assert [path for path in kept if is_left_out(ignore, path)] == []


def test_the_last_rule_that_names_an_entry_decides() -> None:
    ignore = bare("*.log", "!keep.log", "old/keep.log")
    assert is_left_out(ignore, "a.log")
    assert not is_left_out(ignore, "keep.log")
    assert not is_left_out(ignore, "new/keep.log")
    assert ignore.rule_for("old", "keep.log", False) == Rule("settings", 3, "old/keep.log")


def test_a_rule_names_where_it_is_written() -> None:
    ignore = Ignore.of(["# mine", "", "*.iso  "], only=["*.jpg", "Notes/"])
    nested = ignore.within("a/b", "x\n*.raw\r\n!a.iso")
    assert nested.rule_for("a/b", "1.raw", False) == Rule("a/b/.howdahignore", 2, "*.raw")
    assert nested.rule_for("a/b", "1.iso", False) == Rule("settings", 3, "*.iso")
    assert nested.rule_for("a/b", "~$a.docx", False) == Rule("default", 0, "~$*")
    assert nested.rule_for("a/b", "a.iso", False) == Rule("only", 0, "*.jpg, Notes/")
    assert ignore.within("", "x").rule_for("", "x", True) == Rule(".howdahignore", 1, "x")


def test_nested_rules_hold_for_their_folder_and_below_and_over_what_is_above() -> None:
    root = bare("*.tmp").within("", "/build\n*.o")
    below = root.within("src", "/build/\n!*.tmp\ndocs/*.pdf")
    assert is_left_out(root, "build/")
    assert not is_left_out(root, "src/build/")
    assert is_left_out(below, "src/build/")
    assert not is_left_out(below, "src/a/build/")
    assert not is_left_out(below, "src/a/b.tmp")
    assert is_left_out(below, "src/docs/a.pdf")
    assert not is_left_out(below, "docs/a.pdf")
    assert is_left_out(below, "src/a.o")
    assert is_left_out(root, "b.tmp")


def test_a_folder_without_rules_of_its_own_has_those_above_it() -> None:
    ignore = bare("a")
    assert ignore.within("x", None) is ignore
    assert ignore.within("x", "# nothing\n\n") is ignore


def test_defaults_can_be_taken_back_and_turned_off() -> None:
    assert is_left_out(Ignore.of(), "a/.DS_Store")
    assert not is_left_out(Ignore.of(["!.DS_Store"]), "a/.DS_Store")
    assert not is_left_out(Ignore.of(defaults=False), "a/.DS_Store")


@pytest.mark.parametrize(
    "name",
    [
        *(".notes.txt.swp", "4913", ".#a.c", "#a.c#", "a.c~", "~$Letter.docx", ".~lock.a.odt#"),
        *("film.mkv.part", "setup.exe.crdownload", "Thumbs.db", "desktop.ini", ".Trash-1000/"),
        *("lost+found/", ".nfs000000012ab", "System Volume Information/", ".goutputstream-AB12"),
    ],
)
def test_what_programs_leave_lying_about_is_left_out(name: str) -> None:
    assert is_left_out(Ignore.of(), f"somewhere/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "part",
        "a.party",
        "#1",
        "~a",
        "notes.txt",
        "a.swf",
        "download/",
        "4913.txt",
        ".Trash",
        ".git/",
    ],
)
def test_what_only_looks_like_it_is_kept(name: str) -> None:
    assert not is_left_out(Ignore.of(), f"somewhere/{name}")


def test_our_own_files_are_left_out_whatever_the_rules_say() -> None:
    ignore = Ignore.of(["!.howdah*"], defaults=False).within("", "!*\n!.howdah-folder")
    for name in (".howdah-folder", ".howdah-probe-1a2b", ".a.bin.howdah-part"):
        assert ignore.rule_for("", name, False) is not None, name
    assert not is_left_out(ignore, ".howdahignore")


def test_every_default_can_be_understood() -> None:
    assert problems("\n".join((*DEFAULTS, *OURS))) == []


# ---- only


@pytest.mark.parametrize(
    ("only", "kept", "out"),
    [
        (["*.jpg"], ["a.jpg", "x/y/a.jpg"], ["a.png", "x/jpg"]),
        (["*.jpg", "!draft*"], ["a.jpg"], ["draft1.jpg", "x/draft.jpg", "a.png"]),
        (["Photos/"], ["Photos/a", "x/Photos/y/a"], ["Photos", "a"]),
        (["/Photos"], ["Photos/a", "Photos/x/a", "Photos"], ["x/Photos/a"]),
        (["a/*.c"], ["a/x.c", "a/x.c/y"], ["x.c", "a/b/x.c"]),
        (["a/**"], ["a/x", "a/b/x"], ["a", "b/x"]),
        (["*"], ["a", "b/c"], []),
        (["[ab].txt"], ["a.txt"], ["c.txt"]),
    ],
)
def test_only_leaves_out_files_that_it_does_not_name(
    only: list[str], kept: list[str], out: list[str]
) -> None:
    ignore = Ignore.of(only=only, defaults=False)
    assert [path for path in kept if is_left_out(ignore, path)] == []
    assert [path for path in out if not is_left_out(ignore, path)] == []


def test_folders_are_looked_into_whatever_only_says() -> None:
    ignore = Ignore.of(["hidden/"], only=["*.jpg"])
    assert not is_left_out(ignore, "a/")
    assert is_left_out(ignore, "hidden/")


def test_only_takes_nothing_back() -> None:
    assert is_left_out(Ignore.of(["secret*"], only=["*.jpg"]), "secret.jpg")


def test_only_with_nothing_that_can_be_understood_limits_nothing() -> None:
    assert not is_left_out(Ignore.of(only=["", "# jpg", "a\\"]), "a.png")


# ---- lines that say nothing, and lines that cannot be understood


def test_lines_that_cannot_be_understood_are_named_and_passed_over() -> None:
    text = "ok\n[a\n\n# a comment [\nb\\\nc//d\n[[:vowel:]]\n!\n*.x"
    found = problems(text)
    assert [line for line, _ in found] == [2, 5, 6, 7, 8]
    assert found[0][1] == "'[a' is passed over: a [ is never closed."
    ignore = Ignore.of(defaults=False).within("", text)
    assert is_left_out(ignore, "1.x")
    assert is_left_out(ignore, "ok")
    assert not is_left_out(ignore, "[a")
    assert ignore.rule_for("", "1.x", False) == Rule(".howdahignore", 9, "*.x")


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_part_of_a_rule() -> None:
    ignore = bare().within("", "\ufeffa\r\nb\r\n")
    assert is_left_out(ignore, "a")
    assert is_left_out(ignore, "b")


@given(text=st.text(), name=st.text(min_size=1).filter(lambda name: "/" not in name))
def test_whatever_stands_in_a_file_an_answer_comes(text: str, name: str) -> None:
    ignore = Ignore.of(only=text.split("\n")).within("a", text)
    ignore.rule_for("a/b", name, False)
    ignore.rule_for("a", name, True)
    told = {line for line, _ in problems(text)}
    for number, line in enumerate(text.split("\n"), 1):
        if number in told:
            continue
        parse(
            line.removesuffix("\r")
            if number > 1
            else line.removeprefix("\ufeff").removesuffix("\r")
        )
    assert len(ignore.fingerprint) == 64


def test_names_that_are_not_utf_8_are_matched() -> None:
    name = os.fsdecode(b"caf\xe9.tmp")
    assert is_left_out(bare("*.tmp"), name)
    assert is_left_out(bare("caf?.tmp"), name)
    assert is_left_out(bare(name), f"a/{name}")
    assert is_left_out(bare(os.fsdecode(b"/caf[\xe9].tmp")), name)
    assert not is_left_out(bare("café.tmp"), name)
    assert len(bare(name).fingerprint) == 64


def test_names_with_line_breaks_are_names() -> None:
    assert is_left_out(bare("a*b"), "a\nb")
    assert is_left_out(bare("/x/**/b"), "x/a\na/b")
    assert not is_left_out(bare("a"), "a\n")


# ---- the fingerprint


def test_the_fingerprint_changes_with_what_has_an_effect_and_nothing_else() -> None:
    plain = Ignore.of(["a", "b"], ["*.c"])
    assert plain.fingerprint == Ignore.of(["# note", "a  ", "", "b", "c\\"], ["*.c"]).fingerprint
    others = [
        Ignore.of(["b", "a"], ["*.c"]),
        Ignore.of(["a"], ["*.c"]),
        Ignore.of(["a", "b"]),
        Ignore.of(["a", "b", "*.c"]),
        Ignore.of(["a", "b"], ["*.c"], defaults=False),
        plain.within("", "x"),
        plain.within("y", "x"),
        plain.within("y", "x").within("y/z", "x"),
    ]
    prints = {ignore.fingerprint for ignore in [plain, *others]}
    assert len(prints) == len(others) + 1
    assert plain.within("y", "x\n").fingerprint == plain.within("y", "#\nx").fingerprint
    assert plain.within("y", None).fingerprint == plain.fingerprint


# ---- the quick way says no only where the slow way would

LINES = st.lists(
    st.text(st.sampled_from("ab*?/![]\\ ."), min_size=1, max_size=6), min_size=1, max_size=4
)
PATHS = st.lists(st.text(st.sampled_from("ab. "), min_size=1, max_size=3), min_size=1, max_size=3)


@given(lines=LINES, steps=PATHS, is_dir=st.booleans())
def test_the_filter_of_names_passes_whatever_a_pattern_matches(
    lines: list[str], steps: list[str], is_dir: bool
) -> None:
    path = "/".join(steps)
    told = {line for line, _ in problems("\n".join(lines))}
    parsed = [parse(line) for number, line in enumerate(lines, 1) if number not in told]
    last = [p for p in parsed if p is not None and p.matches(path, is_dir)][-1:]
    expected = bool(last) and not last[0].negated
    ignore = bare(*lines)
    assert is_left_out(ignore, path + "/" * is_dir) is expected
    # and again, with what was remembered of another folder
    ignore.rule_for("elsewhere", "a", False)
    assert is_left_out(ignore, path + "/" * is_dir) is expected
    only = Ignore.of(only=lines, defaults=False)
    covering = [p for p in parsed if p is not None and p.covers(path, False)][-1:]
    if not is_dir and any(parsed):
        assert is_left_out(only, path) is not (bool(covering) and not covering[0].negated)
