"""Names are data: taken byte for byte, or refused with a sentence."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from howdah_common.remote_path import (
    MOST_DEPTH,
    MOST_NAME_BYTES,
    MOST_PATH_BYTES,
    BadPath,
    check_folder,
    check_name,
    check_path,
    join,
    name,
    numbered,
    parent,
    parents,
)


def is_path(path: str) -> bool:
    try:
        check_path(path)
    except BadPath:
        return False
    return True


# Few letters, so that dots, long runs and wide characters come often.
names = st.one_of(
    st.text(min_size=1, max_size=300),
    st.text(alphabet="a. é🐘", min_size=1, max_size=300),
    st.builds(
        lambda stem, suffix: f"{stem}.{suffix}", st.text(max_size=260), st.text(max_size=260)
    ),
).filter(is_path)
names = names.filter(lambda one: "/" not in one)
paths = st.lists(names, min_size=1, max_size=12).map("/".join).filter(is_path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        " leading and trailing ",
        "...",
        ".hidden",
        "CON",
        "a:b*c?d<e>f|g\"h'",
        "line\nfeed",
        "e\u0301 is not \u00e9",
        "\u202etxt.exe",
        "🐘/🐘",
        "a" * 255,
        "é" * 127 + "a",
        "/".join(["d"] * MOST_DEPTH),
    ],
)
def test_a_name_is_taken_as_it_is(path: str) -> None:
    assert check_path(path) == path
    assert check_folder(path) == path


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "The path has an empty part."),
        ("/", "The path has an empty part."),
        ("/etc/passwd", "The path has an empty part."),
        ("a/", "The path has an empty part."),
        ("a//b", "The path has an empty part."),
        (".", "'.' cannot be a part of a path."),
        ("a/../b", "'..' cannot be a part of a path."),
        ("a/./b", "'.' cannot be a part of a path."),
        ("a\\b", r"The name 'a\\b' holds a slash, a backslash or a NUL."),
        ("it's/.\\", r"The name '\.\\' holds a slash"),
        ("a\0b", r"The name 'a\\x00b' holds a slash, a backslash or a NUL."),
        ("a/\ud800", r"The name '\\ud800' is not valid Unicode."),
        ("a" * 256, "has 256 bytes; 255 are the most."),
        ("é" * 128, "has 256 bytes; 255 are the most."),
        ("/".join(["d"] * 129), "The path is 129 deep; 128 is the most."),
        ("/".join(["d" * 255] * 17), "The path has more than 4096 bytes."),
    ],
)
def test_what_no_space_takes_is_refused_with_a_sentence(path: str, sentence: str) -> None:
    with pytest.raises(BadPath, match=sentence):
        check_path(path)


def test_a_name_has_no_slash() -> None:
    assert check_name("a") == "a"
    with pytest.raises(BadPath, match="holds a slash"):
        check_name("a/b")


def test_the_root_is_a_folder_and_no_file() -> None:
    assert check_folder("") == ""
    for path in ("/", "a/", "..", "a//b"):
        with pytest.raises(BadPath):
            check_folder(path)


@given(st.text() | st.text(alphabet="a./\\\0\ud800"))
def test_any_text_is_taken_as_it_is_or_refused_in_a_sentence_that_can_be_shown(path: str) -> None:
    if not is_path(path):
        with pytest.raises(BadPath) as refusal:
            check_path(path)
        sentence = str(refusal.value)
        assert sentence.endswith(".")
        assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in sentence)
    else:
        assert check_path(path) == path
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))
        assert len(path.encode()) <= MOST_PATH_BYTES


@given(paths)
def test_parent_and_name_join_to_the_path_again(path: str) -> None:
    assert join(parent(path), name(path)) == path
    assert check_name(name(path)) == name(path)
    assert check_folder(parent(path)) == parent(path)


@given(paths)
def test_the_folders_above_a_path_lead_to_it_from_the_outside_in(path: str) -> None:
    above = parents(path)
    assert len(above) == path.count("/")
    expected = ""
    for folder, step in zip(above, path.split("/"), strict=False):
        expected = join(expected, step)
        assert folder == expected
        assert check_path(folder) == folder
    assert above[-1:] == ([parent(path)] if parent(path) else [])


def test_the_root_joins_without_a_slash() -> None:
    assert join("", "a") == "a"
    assert join("a", "") == "a"
    assert join("", "") == ""
    assert join("a", "b/c") == "a/b/c"
    assert parent("a") == ""
    assert parents("a") == []
    assert parents("a/b/c") == ["a", "a/b"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("b.txt", "b (2).txt"),
        ("a/b.txt", "a/b (2).txt"),
        ("a.d/b", "a.d/b (2)"),
        ("b.tar.gz", "b.tar (2).gz"),
        (".bashrc", ".bashrc (2)"),
        ("a/.bashrc", "a/.bashrc (2)"),
        ("b.", "b (2)."),
        ("b (2).txt", "b (2) (2).txt"),
        ("b" * 255, "b" * 251 + " (2)"),
        ("b" * 251 + ".txt", "b" * 247 + " (2).txt"),
        ("é" * 127, "é" * 125 + " (2)"),
        ("b." + "x" * 253, "b." + "x" * 249 + " (2)"),
    ],
)
def test_a_number_goes_before_the_suffix(path: str, expected: str) -> None:
    assert numbered(path, 2) == expected


@given(paths, st.integers(1, 10**6))
@example("b." + "x" * 253, 2)
@example("é." + "x" * 250, 2)
@example("/".join(["d" * 255] * 15) + "/" + "b" * 255, 2)
@example("/".join(["d" * 255] * 15) + "/" + "é" * 127, 10**6)
def test_a_numbered_path_is_another_valid_path_in_the_same_folder(path: str, number: int) -> None:
    # What a folder this deep cannot hold is left to check_path.
    assume(len(parent(path).encode()) + len(f"/ ({number})") < MOST_PATH_BYTES)
    made = numbered(path, number)
    assert check_path(made) == made
    assert made != path
    assert parent(made) == parent(path)
    assert f" ({number})" in name(made)
    assert len(name(made).encode()) <= MOST_NAME_BYTES


@given(names, st.integers(1, 1000), st.integers(1, 1000))
def test_two_numbers_give_two_names(path: str, one: int, other: int) -> None:
    assume(one != other)
    assert numbered(path, one) != numbered(path, other)


DEEP = "/".join(["d" * 255] * 15)
"""3,839 bytes."""


def test_a_name_is_shortened_to_what_its_folder_leaves() -> None:
    folder = f"{DEEP}/{'d' * 160}"
    path = check_path(f"{folder}/{'b' * 91}.txt")
    assert numbered(path, 2) == check_path(f"{folder}/{'b' * 87} (2).txt")
    assert len(numbered(path, 2).encode()) == MOST_PATH_BYTES


def test_where_the_folder_leaves_no_room_the_numbered_path_is_refused() -> None:
    folder = f"{DEEP}/{'d' * 252}"
    made = numbered(check_path(f"{folder}/abc"), 2)
    assert made == f"{folder}/ (2)"
    with pytest.raises(BadPath, match="The path has more than 4096 bytes"):
        check_path(made)
