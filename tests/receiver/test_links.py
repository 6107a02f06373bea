"""Links: what they show, to whom, how often, and how they end."""

from __future__ import annotations

import html
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.links.attempts import ATTEMPTS, Attempts
from howdah_receiver.links.seals import Seals
from kit.inside import receiver_on
from kit.members import change, device_of, new_account, set_role
from kit.native import Native, code_in
from kit.raw_http import Raw
from kit.receiver import running_receiver
from kit.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.native import Answer
    from kit.receiver import RunningReceiver

SECRET = re.compile(r"/s/[a-z2-7]{32}")
PEOPLE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NOBODY = "a" * 32


@pytest.fixture
def stranger(shared: RunningReceiver) -> Iterator[Native]:
    """Somebody with no account and no cookies."""
    with Native(shared.url) as device:
        yield device


def made(device: Native, kind: str, /, **more: Any) -> str:
    """The path of a new link."""
    answer = device.post("/links", {"kind": kind, **more})
    assert answer.status == 201, answer
    url: str = answer.json["url"]
    assert SECRET.fullmatch(url.removeprefix(device.url)), url
    return url.removeprefix(device.url)


def get(device: Native, path: str, **headers: str) -> Answer:
    """`headers` with underscores for hyphens."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return device.ask("GET", path, headers=given)


# -- what they show


def test_a_link_to_a_file_shows_it_and_sends_it_as_an_attachment(
    native: Native, stranger: Native, folder: str
) -> None:
    file = native.published(f"{folder}/holiday.mov", b"0123456789")
    native.digested(file["id"])
    link = made(native, "file", file=file["id"], label="For you", seconds=3600)
    page = stranger.ask("GET", link, headers=PEOPLE)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    shown = page.body.decode()
    for words in ("holiday.mov", "For you", "10 B", "Link ends", "84d89877f0d4041efb6bf91a"):
        assert words in shown
    assert folder not in shown
    answer = get(stranger, f"{link}/content")
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''holiday.mov"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    part = get(stranger, f"{link}/content", Range="bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert get(stranger, f"{link}/content", If_None_Match=answer.headers["etag"]).status == 304
    assert get(stranger, f"{link}/content", Range="bytes=10-").code == "range_not_satisfiable"
    head = stranger.ask("HEAD", f"{link}/content")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "10")


def test_no_answer_to_a_stranger_tells_of_the_catalogue(
    native: Native, stranger: Native, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    file, request = made(native, "file", path=f"{folder}/a"), made(native, "request", path=folder)
    for path in (file, f"{file}/content", request, f"/s/{NOBODY}"):
        answer = get(stranger, path)
        assert [name for name in answer.headers if name.startswith("howdah")] == []
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


def test_a_version_stays_what_it_was_and_a_file_becomes_what_it_is(
    native: Native, stranger: Native, folder: str
) -> None:
    first = native.published(f"{folder}/a", b"first")
    version = made(native, "version", version=first["version"])
    newest = made(native, "file", path=f"{folder}/a")
    native.published(f"{folder}/a", b"second")
    assert get(stranger, f"{version}/content").body == b"first"
    assert get(stranger, f"{newest}/content").body == b"second"
    assert "5 B" in get(stranger, version).body.decode()


def test_what_other_hands_changed_is_sent_as_it_is(
    native: Native, stranger: Native, folder: str, shared: RunningReceiver
) -> None:
    link = made(native, "file", file=native.published(f"{folder}/a", b"first")["id"])
    (shared.data / "files" / "owner" / folder / "a").write_bytes(b"by hand")
    assert get(stranger, f"{link}/content").body == b"by hand"
    (shared.data / "files" / "owner" / folder / "a").unlink()
    assert get(stranger, f"{link}/content").code == "link_not_found"


def test_a_folder_is_browsed_below_itself_alone(
    native: Native, stranger: Native, folder: str
) -> None:
    native.published(f"{folder}/shown/a.txt", b"abc")
    native.published(f"{folder}/shown/in/b c.txt", b"bcd")
    native.published(f"{folder}/hidden.txt", b"secret")
    native.published(f"{folder}/shown-too.txt", b"secret")
    link = made(native, "folder", path=f"{folder}/shown")
    listed = get(stranger, f"{link}/list").json
    assert [(one["kind"], one["path"]) for one in listed["items"]] == [
        ("folder", "in"),
        ("file", "a.txt"),
    ]
    assert get(stranger, f"{link}/list?path=in").json["items"][0]["path"] == "in/b c.txt"
    assert get(stranger, f"{link}/files/a.txt").body == b"abc"
    assert get(stranger, f"{link}/files/in/b%20c.txt").body == b"bcd"
    page = get(stranger, link).body.decode()
    assert "a.txt" in page
    assert folder not in page
    assert f"{link}/files/in/b%20c.txt" in get(stranger, f"{link}?path=in").body.decode()


@pytest.mark.parametrize(
    "below",
    ["..", "../hidden.txt", "in/../../hidden.txt", "/hidden.txt", "//hidden.txt", ".", "./a.txt",
     "..%2fhidden.txt", "%2e%2e/hidden.txt", "..%5chidden.txt", "in/%2e%2e/%2e%2e/hidden.txt", "%00",
     "-too.txt", "\u2024\u2024/hidden.txt"],
)  # fmt: skip
def test_no_way_leads_out_of_a_shared_folder(
    native: Native, shared: RunningReceiver, folder: str, below: str
) -> None:
    native.published(f"{folder}/shown/in/a.txt", b"abc")
    native.published(f"{folder}/shown-too.txt", b"secret")
    native.published(f"{folder}/hidden.txt", b"secret")
    link = made(native, "folder", path=f"{folder}/shown")
    # As it is: a client that tidies paths up would never ask for these.
    target = below if below.isascii() else "%E2%80%A4%E2%80%A4/hidden.txt"
    with Raw(shared.url) as raw:
        for path in (
            f"{link}/files/{target}",
            f"{link}/list?path={target}",
            f"{link}/zip?path={target}",
            f"{link}?path={target}",
        ):
            raw.head("GET", path)
            answer = raw.answer("GET")
            assert answer.status in (400, 404), (path, answer)
            assert b"secret" not in answer.body


def test_links_follow_what_is_moved(
    native: Native, stranger: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"abc")["id"]
    link = made(native, "file", file=file)
    # A path is no promise: what is put there later is another file.
    change(shared, "UPDATE files SET path = ? WHERE id = ?", f"{folder}/b", file)
    where = shared.data / "files" / "owner" / folder
    (where / "a").rename(where / "b")
    native.published(f"{folder}/a", b"another")
    assert get(stranger, f"{link}/content").body == b"abc"


# -- pages


HOSTILE = "\"><script>document.title='fired'</script>&amp;'`\u202etxt.exe\u0007"


def test_whatever_a_name_holds_is_shown_as_text(
    native: Native, stranger: Native, folder: str
) -> None:
    name = HOSTILE.replace("/", "_")
    native.published(f"{folder}/{name}", b"abc")
    native.make_folder(f"{folder}/f{name}")
    label = "<b onmouseover=alert(1)>&lt;"
    file = made(native, "file", path=f"{folder}/{name}", label=label)
    links = [
        file,
        made(native, "folder", path=folder, label=label),
        made(native, "request", path=f"{folder}/f{name}", label=label),
        f"{made(native, 'folder', path='')}?path={folder}",
    ]
    for link in links:
        page = get(stranger, link).body.decode()
        assert "<script>d" not in page
        assert "<b " not in page
        assert "\u202e" not in page
        assert "\u0007" not in page
    assert html.escape(label) in get(stranger, file).body.decode()


def test_a_page_runs_nothing_that_is_not_ours(
    native: Native, stranger: Native, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    pages = [
        made(native, "file", path=f"{folder}/a"),
        made(native, "folder", path=folder),
        made(native, "request", path=folder),
        made(native, "file", path=f"{folder}/a", password="secret"),
        f"/s/{NOBODY}",
    ]
    for path in pages:
        answer = stranger.ask("GET", path, headers=PEOPLE)
        assert answer.headers["content-security-policy"].split("; ") == [
            "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'",
            "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
        ]  # fmt: skip
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["cache-control"] == "no-store"
        page = answer.body.decode()
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
        assert set(re.findall("<script[^>]*>", page)) <= {'<script src="/s/-/request.js" defer>'}
    for asset, kind in (
        ("links.css", "text/css; charset=utf-8"),
        ("request.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = get(stranger, f"/s/-/{asset}")
        assert (answer.status, answer.headers["content-type"]) == (200, kind)


def test_a_folder_of_many_has_pages(native: Native, stranger: Native, folder: str) -> None:
    for number in range(205):
        native.make_folder(f"{folder}/{number:03}")
    link = made(native, "folder", path=folder)
    first, second = (get(stranger, f"{link}?page={n}").body.decode() for n in (1, 2))
    assert "Page 1 of 2" in first
    assert ">204/" not in first
    assert "<bdi>204</bdi>" in second
    assert "205 entries" in second
    assert get(stranger, f"{link}?page=x").code == "bad_request"
    assert get(stranger, f"{link}/list?per_page=1001").code == "bad_request"


# -- how they end


def ways_to_end(
    shared: RunningReceiver, native: Native, folder: str, member: str, device: Native
) -> Iterator[tuple[str, str]]:
    """Links that are all over, each for another reason."""
    space = native.published(f"{folder}/a", b"abc")["space"]

    def fresh(**more: Any) -> tuple[str, str]:
        path = f"{folder}/{secrets.token_hex(4)}"
        file = native.published(path, b"abc")["id"]
        return made(native, "file", file=file, **more), file

    yield "unknown", f"/s/{NOBODY}"
    yield "no secret at all", "/s/x"
    yield "not even letters", "/s/%ff%00"
    link, _ = fresh()
    change(shared, "UPDATE links SET expires_ns = ? WHERE id = ?", time.time_ns(), newest(native))
    yield "expired", link
    link, _ = fresh()
    assert native.ask("DELETE", f"/api/v1/links/{newest(native)}").status == 204
    yield "revoked", link
    link, _ = fresh(most_uses=1)
    with Native(shared.url) as somebody:
        assert get(somebody, f"{link}/content").status == 200
    yield "used up", link
    link, file = fresh()
    change(shared, "UPDATE files SET trash_id = 'x' WHERE id = ?", file)
    yield "in the trash", link
    set_role(shared, space, member, "writer")
    link = made(device, "file", space=space, path=f"{folder}/a")
    set_role(shared, space, member, "sender")
    yield "its maker may not read any more", link
    set_role(shared, space, member, "writer")
    link = made(device, "file", space=space, path=f"{folder}/a")
    set_role(shared, space, member, None)
    yield "its maker is no member any more", link
    theirs = device.published("a", b"abc")["id"]
    link = made(device, "file", file=theirs)
    change(shared, "UPDATE accounts SET disabled = 1 WHERE id = ?", member)
    yield "its maker is disabled", link


def newest(device: Native) -> str:
    return str(device.get("/links").json["links"][0]["id"])


def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(
    shared: RunningReceiver, native: Native, folder: str
) -> None:
    member = new_account(shared)
    with device_of(shared, member) as device:
        ended = dict(ways_to_end(shared, native, folder, member, device))
    assert len(ended) == 10
    ended["of another kind"] = made(native, "request", path=folder)
    for suffix in ("", "/content", "/list", "/files/a", "/zip", "/uploads/x"):
        for accept in ("*/*", PEOPLE["Accept"]):
            seen = {}
            for reason, link in ended.items():
                if reason == "of another kind" and suffix in ("", "/uploads/x"):
                    continue
                with Native(shared.url) as stranger:
                    answer = stranger.ask("GET", link + suffix, headers={"Accept": accept})
                headers = {k: v for k, v in answer.headers.items() if k != "date"}
                seen[reason] = (answer.status, headers, answer.body)
                if accept == "*/*":
                    assert answer.code == "link_not_found", (reason, suffix)
                assert answer.status == 404
                assert len({str(one) for one in seen.values()}) == 1, (reason, suffix, seen)


def test_a_link_with_a_password_ends_like_any_other(
    native: Native, stranger: Native, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a", password="secret")
    native.ask("DELETE", f"/api/v1/links/{newest(native)}")
    assert get(stranger, link).code == "link_not_found"
    assert posted(stranger, link, "secret").code == "link_not_found"
    assert posted(stranger, f"/s/{NOBODY}", "secret").code == "link_not_found"


def test_revoked_is_at_once_and_stays(native: Native, stranger: Native, folder: str) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a")
    path = f"/api/v1/links/{newest(native)}"
    assert native.ask("GET", path).json["state"] == "good"
    for _ in range(2):
        assert native.ask("DELETE", path).status == 204
        assert get(stranger, f"{link}/content").status == 404
    assert native.ask("GET", path).json["state"] == "revoked"
    assert native.get("/links", {"all": "true"}).json["total"] > native.get("/links").json["total"]


# -- passwords


def posted(device: Native, link: str, password: str, **headers: str) -> Answer:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"password={password}".encode()
    return device.ask("POST", f"{link}/password", body=body, headers={**kind, **headers})


def test_a_password_is_asked_for_before_anything_is_shown(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/quite-private", b"abc")
    link = made(
        native, "file", path=f"{folder}/quite-private", password="s\u00e9cret ok", label="My label"
    )
    other = made(native, "file", path=f"{folder}/quite-private", password="s\u00e9cret ok")
    with Native(shared.url) as stranger:
        page = get(stranger, link)
        assert page.status == 200
        for words in ("quite-private", "My label", "3 B"):
            assert words not in page.body.decode()
        for suffix in ("/content", "/zip"):
            assert get(stranger, link + suffix).status in (401, 404)
        refused = get(stranger, f"{link}/content")
        assert (refused.code, refused.headers["www-authenticate"]) == ("link_password", "Link")
        wrong = posted(stranger, link, "wrong")
        assert (wrong.status, wrong.code, "set-cookie" in wrong.headers) == (
            401, "link_password", False,
        )  # fmt: skip
        shown = posted(stranger, link, "wrong", **PEOPLE)
        assert (shown.status, shown.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "missing or wrong" in shown.body.decode()
        # Typed with the accent as a character of its own.
        right = posted(stranger, link, "se%CC%81cret+ok")
        assert (right.status, right.headers["location"]) == (303, link)
        cookie = right.headers["set-cookie"]
        assert re.fullmatch(
            rf"howdah-pass=\d+\.[0-9a-f]{{64}}; Path={link}; Max-Age=43200; HttpOnly; SameSite=Strict",
            cookie,
        )
        assert "quite-private" in get(stranger, link).body.decode()
        assert get(stranger, f"{link}/content").body == b"abc"
        value = cookie.partition(";")[0]
        assert get(stranger, f"{other}/content", Cookie=value).status == 401
    with Native(shared.url) as forger:
        for forged in ("howdah-pass=9999999999." + "0" * 64, "howdah-pass=", "howdah-pass=x.y"):
            assert get(forger, f"{link}/content", Cookie=forged).status == 401
        late = value.replace("=1", "=2", 1)
        assert get(forger, f"{link}/content", Cookie=late).status == 401
        assert get(forger, f"{link}/content", Cookie=value).status == 200


def test_a_program_sends_the_password_along(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a", password="secret")
    with Native(shared.url) as program:
        for _ in range(3 * ATTEMPTS):  # whoever knows it may come as often as they like
            answer = get(program, f"{link}/content", Howdah_Link_Password="secret")
            assert answer.status == 200
        assert get(program, f"{link}/content", Howdah_Link_Password="no").code == "link_password"


def test_nobody_guesses_for_long_and_locks_nobody_else_out(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a", password="secret")
    another = made(native, "file", path=f"{folder}/a", password="secret")
    with Native(shared.url) as guesser:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n: posted(guesser, link, f"no{n}"), range(20)))
        codes = [answer.code for answer in answers]
        assert 0 < codes.count("link_password") <= ATTEMPTS
        assert set(codes) <= {"link_password", "too_many_attempts", "unavailable"}
        while (last := posted(guesser, link, "no")).code != "too_many_attempts":
            assert last.code == "link_password"
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert posted(guesser, link, "secret").code == "too_many_attempts"
        assert posted(guesser, another, "secret").status == 303
        people = posted(guesser, link, "no", **PEOPLE)
        assert (people.status, "password" in people.body.decode()) == (429, True)
    with Raw(shared.url, source="127.0.0.9") as raw:
        body = b"password=secret"
        raw.head(
            "POST", f"{link}/password", Content_Type="application/x-www-form-urlencoded",
            Content_Length=len(body),
        )  # fmt: skip
        raw.send(body)
        assert raw.answer("POST").status == 303


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/json", b"{}", "media_type_unsupported"),
        ("application/x-www-form-urlencoded", b"", "bad_request"),
        ("application/x-www-form-urlencoded", b"pass=x", "bad_request"),
        ("application/x-www-form-urlencoded", b"password=a&password=b", "bad_request"),
        ("application/x-www-form-urlencoded", b"password=\xff", "bad_request"),
        ("application/x-www-form-urlencoded", b"password=" + b"x" * 9000, "body_too_large"),
    ],
)
def test_a_form_that_is_none_is_refused(
    native: Native, stranger: Native, folder: str, kind: str, body: bytes, code: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a", password="secret")
    answer = stranger.ask("POST", f"{link}/password", body=body, headers={"Content-Type": kind})
    assert answer.code == code


def test_attempts_are_forgotten_in_time_and_take_no_memory() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)
    for _ in range(ATTEMPTS):
        attempts.begin("link", "192.0.2.1")
    with pytest.raises(ProblemError, match="too_many_attempts"):
        attempts.begin("link", "192.0.2.1")
    attempts.begin("link", "192.0.2.2")
    attempts.begin("other", "192.0.2.1")
    now = 61.0
    attempts.begin("link", "192.0.2.1")
    for number in range(30_000):
        attempts.begin(f"link {number}", "192.0.2.1")
    assert len(attempts._times) <= 10_000
    for number in range(ATTEMPTS + 1):  # whoever is right has not guessed
        attempts.begin("right", f"2001:db8::{number:x}")
        attempts.was_right("right", f"2001:db8::{number:x}")


def test_a_note_holds_for_its_words_in_its_time_and_over_restarts(short_path: Path) -> None:
    with receiver_on(short_path / "data") as receiver:
        now = 1_000.0
        seals = Seals(receiver.catalogue, lambda: now)
        note = seals.seal("words", 60)
        assert seals.holds("words", note)
        assert Seals(receiver.catalogue, lambda: now).holds("words", note)
        for wrong in (
            "",
            ".",
            "x",
            note[:-1],
            note + "0",
            note.replace("1060", "2060"),
            "\u0661." * 2,
        ):
            assert not seals.holds("words", wrong)
        assert not seals.holds("other words", note)
        now = 1_060.0
        assert not seals.holds("words", note)


# -- how often


def test_a_link_for_five_downloads_gives_five_at_once(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "file", path=f"{folder}/a", most_uses=5)

    def fetch(_: int) -> int:
        with Native(shared.url) as stranger:
            return get(stranger, f"{link}/content").status

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(fetch, range(20))) == [200] * 5 + [404] * 15
    told = native.get("/links").json["links"][0]
    assert (told["uses"], told["state"]) == (5, "used_up")


def test_looking_does_not_count_and_a_download_taken_up_again_is_the_same(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/a", b"0123456789")
    link = made(native, "file", path=f"{folder}/a", most_uses=2)
    with Native(shared.url) as first:
        etag = first.ask("HEAD", f"{link}/content").headers["etag"]
        assert get(first, f"{link}/content", If_None_Match=etag).status == 304
        assert "2" in get(first, link).body.decode()
        assert native.get("/links").json["links"][0]["uses"] == 0
        began = get(first, f"{link}/content", Range="bytes=0-3")
        assert began.body == b"0123"
        cookie = began.headers["set-cookie"]
        assert "HttpOnly; SameSite=Strict" in cookie
        assert f"Path={link};" in cookie
        for _ in range(3):
            assert get(first, f"{link}/content", Range="bytes=4-").body == b"456789"
        assert native.get("/links").json["links"][0]["uses"] == 1
    with Native(shared.url) as second:  # who leaves the first byte out has a download too
        assert get(second, f"{link}/content", Range="bytes=1-").status == 206
    assert native.get("/links").json["links"][0]["uses"] == 2
    with Native(shared.url) as third:
        assert get(third, f"{link}/content", Range="bytes=1-").status == 404
        assert get(third, link).status == 404
        assert third.ask("HEAD", f"{link}/content").status == 404
        ticket = cookie.partition(";")[0]
        assert get(third, f"{link}/content", Range="bytes=4-", Cookie=ticket).body == b"456789"
        assert get(third, f"{link}/content", Cookie=ticket).status == 404
        assert get(third, f"{link}/content", Range="bytes=0-", Cookie=ticket).status == 404


def test_files_and_zips_of_a_folder_count_too(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.published(f"{folder}/a", b"abc")
    link = made(native, "folder", path=folder, most_uses=2)
    with Native(shared.url) as stranger:
        assert stranger.ask("HEAD", f"{link}/zip").status == 200
        assert get(stranger, f"{link}/files/a").status == 200
        assert get(stranger, f"{link}/zip").status == 200
        for suffix in ("", "/files/a", "/zip", "/list"):
            assert get(stranger, link + suffix).status == 404


# -- who makes and sees them


def test_what_a_role_may_share(shared: RunningReceiver, native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"abc")
    space = file["space"]
    account = new_account(shared)
    asked: list[dict[str, Any]] = [
        {"kind": "file", "file": file["id"]},
        {"kind": "version", "version": file["version"]},
        {"kind": "folder", "space": space, "path": folder},
        {"kind": "request", "space": space, "path": folder},
    ]
    may: dict[str | None, list[int]] = {
        None: [404, 404, 404, 404],
        "sender": [404, 404, 404, 404],
        "reader": [201, 201, 201, 404],
        "writer": [201, 201, 201, 201],
        "owner": [201, 201, 201, 201],
    }
    with device_of(shared, account) as device, device_of(shared, account, send_only=True) as box:
        for role, statuses in may.items():
            set_role(shared, space, account, role)
            assert [device.post("/links", one).status for one in asked] == statuses
            assert [box.post("/links", one).code for one in asked] == ["not_allowed"] * 4
        assert box.get("/links").code == "not_allowed"
        set_role(shared, space, account, None)


def test_a_link_is_seen_by_its_maker_and_the_owners_of_its_space(
    shared: RunningReceiver, native: Native, folder: str
) -> None:
    space = native.published(f"{folder}/a", b"abc")["space"]
    writer, stranger = new_account(shared), new_account(shared)
    set_role(shared, space, writer, "writer")
    with device_of(shared, writer) as theirs, device_of(shared, stranger) as nobody:
        made(theirs, "file", space=space, path=f"{folder}/a", label="theirs")
        link = newest(theirs)
        made(native, "file", path=f"{folder}/a", label="ours")
        ours = newest(native)
        assert [one["label"] for one in theirs.get("/links").json["links"]] == ["theirs"]
        assert {"theirs", "ours"} <= {one["label"] for one in native.get("/links").json["links"]}
        for method in ("GET", "DELETE", "HEAD"):
            unknown = nobody.ask(method, f"/api/v1/links/{'0' * 32}")
            for found in (link, ours):
                answer = nobody.ask(method, f"/api/v1/links/{found}")
                assert (answer.status, answer.body) == (404, unknown.body)
            assert theirs.ask(method, f"/api/v1/links/{ours}").status == 404
        assert nobody.get("/links").json["links"] == []
        assert native.ask("GET", f"/api/v1/links/{link}").json["account"] == writer
        assert native.ask("DELETE", f"/api/v1/links/{link}").status == 204
        assert theirs.ask("GET", f"/api/v1/links/{link}").json["state"] == "revoked"
        set_role(shared, space, writer, None)


def test_a_member_that_left_sees_that_its_link_has_ended(
    shared: RunningReceiver, native: Native, folder: str
) -> None:
    space = native.published(f"{folder}/a", b"abc")["space"]
    writer = new_account(shared)
    set_role(shared, space, writer, "writer")
    with device_of(shared, writer) as theirs:
        made(theirs, "file", space=space, path=f"{folder}/a")
        set_role(shared, space, writer, None)
        assert theirs.get("/links").json["links"][0]["state"] == "ended"


def test_what_is_told_of_a_link(native: Native, stranger: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"abc")
    ends = time.time_ns() + 10**12
    answer = native.post(
        "/links",
        {"kind": "file", "file": file["id"], "label": "x", "password": "secret", "expires_ns": ends,
         "most_uses": 3},
    )  # fmt: skip
    told = answer.json["link"]
    assert told == native.get(f"/links/{told['id']}").json
    assert answer.headers["location"] == f"/api/v1/links/{told['id']}"
    assert told["path"] == f"{folder}/a"
    assert (told["has_password"], told["expires_ns"], told["most_uses"]) == (True, ends, 3)
    assert "url" not in told
    listed = native.get("/links", {"per_page": 1}).json
    assert (listed["links"], listed["page"], listed["per_page"]) == ([told], 1, 1)
    assert native.get("/links", {"page": 0}).code == "bad_request"
    assert native.get("/links", {"page": "-1"}).code == "bad_request"


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "nonsense", "path": ""},
        {"kind": "file"},
        {"kind": "version", "path": "a"},
        {"kind": "file", "path": "a", "file": NOBODY},
        {"kind": "folder", "path": "", "version": NOBODY},
        {"kind": "folder", "path": "", "seconds": 0},
        {"kind": "folder", "path": "", "seconds": 2**62},
        {"kind": "folder", "path": "", "expires_ns": 1},
        {"kind": "folder", "path": "", "expires_ns": 2**63 - 1, "seconds": 5},
        {"kind": "folder", "path": "", "most_uses": 0},
        {"kind": "folder", "path": "", "most_bytes": 5},
        {"kind": "folder", "path": "", "asks_name": True},
        {"kind": "folder", "path": "", "password": "abc"},
        {"kind": "folder", "path": "", "password": "x" * 257},
        {"kind": "folder", "path": "", "label": "x" * 201},
        {"kind": "folder", "path": "", "label": "a\nb"},
        {"kind": "folder", "path": "", "label": "a\u202eb"},
        {"kind": "folder", "path": "../x"},
        {"kind": "folder", "path": "/x"},
        {"kind": "folder", "path": "no such folder"},
        {"kind": "request", "path": "", "space": NOBODY},
        {"kind": "version", "version": NOBODY},
    ],
)
def test_what_makes_no_sense_makes_no_link(native: Native, asked: dict[str, Any]) -> None:
    before = native.get("/links", {"all": "true"}).json["total"]
    answer = native.post("/links", asked)
    assert answer.status in (400, 404)
    assert native.get("/links", {"all": "true"}).json["total"] == before


# -- secrets


def test_the_secret_is_told_once_and_stored_and_logged_nowhere(short_path: Path) -> None:
    data = short_path / "data"
    with served(data, "--debug") as receiver, Native.paired_with(receiver) as device:
        device.published("a", b"abc")
        link = made(device, "file", path="a", password="quite-a-secret")
        request = made(device, "request", path="")
        with Native(receiver.url) as stranger:
            cookie = posted(stranger, link, "quite-a-secret").headers["set-cookie"]
            get(stranger, f"{link}/content")
            get(stranger, f"{link}/nothing")
            get(stranger, link, **PEOPLE)
            stranger.ask("POST", f"{request}/uploads", message={})
        receiver.stop()
        said = receiver.process.stderr.text + receiver.process.stdout.text
    assert "/s/*/content" in said
    hidden = [link[3:], request[3:], "quite-a-secret", cookie.partition(";")[0].partition("=")[2]]
    for secret in hidden:
        assert secret not in said
        for file in data.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_the_address_is_the_one_that_people_use(short_path: Path) -> None:
    env = {"HOWDAH_RECEIVER_PUBLIC_URL": "https://files.example.org"}
    with running_receiver(short_path / "data", env=env) as receiver:
        here = f"http://127.0.0.1:{receiver.port}"
        with Native(here) as stranger:
            token = stranger.pair(code_in(receiver.link)).json["token"]
        with Native(here, token) as device:
            answer = device.post("/links", {"kind": "folder", "path": ""})
        assert re.fullmatch(r"https://files\.example\.org/s/[a-z2-7]{32}", answer.json["url"])
