"""Request links: people put files in without an account, and see nothing else."""

from __future__ import annotations

import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.digests import SHA256, to_field
from howdah_common.messages import API
from howdah_common.problems import ProblemError
from howdah_receiver.links.door import GRACE_SECONDS
from howdah_receiver.links.receiving import safe_name
from kit.members import change, device_of, new_account, set_role
from kit.native import MODIFIED_NS, SMALL_CHUNK, Content, Native, home, part_file, random_content
from kit.receiver import running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.native import Answer
    from kit.receiver import RunningReceiver

MINUTE_NS = 60 * 10**9


class Guest:
    """Somebody with nothing but the address of a request."""

    def __init__(self, device: Native, link: str) -> None:
        self.device = device
        self.link = link

    def start(self, path: str, content: Content, **more: Any) -> Answer:
        body = {
            "client_id": secrets.token_hex(16),
            "path": path,
            "size": content.size,
            "modified_ns": MODIFIED_NS,
            "digest_algorithm": content.algorithm,
            "chunk_bytes": content.chunk_bytes,
            **more,
        }
        return self.device.ask("POST", f"{self.link}/uploads", message=body)

    def put(self, upload: str, number: int, content: Content) -> Answer:
        field = to_field(content.algorithm, content.digest(number))
        path = f"{self.link}/uploads/{upload}/chunks/{number}"
        body = content.chunk(number)
        return self.device.ask("PUT", path, body=body, headers={"Content-Digest": field})

    def look(self, upload: str) -> Answer:
        return self.device.ask("GET", f"{self.link}/uploads/{upload}")

    def cancel(self, upload: str) -> Answer:
        return self.device.ask("DELETE", f"{self.link}/uploads/{upload}")

    def complete(self, upload: str, content: Content, **more: Any) -> Answer:
        path = f"{self.link}/uploads/{upload}/complete"
        return self.device.ask("POST", path, message=content.completion(**more))

    def sent(self, path: str, content: Content, **more: Any) -> str:
        """The id of a new upload, all of whose chunks are there."""
        answer = self.start(path, content, **more)
        assert answer.status == 201, answer
        upload = str(answer.json["id"])
        for number in range(content.total):
            assert self.put(upload, number, content).status == 201
        return upload

    def published(self, path: str, content: Content, **more: Any) -> Answer:
        answer = self.complete(self.sent(path, content, **more), content)
        assert answer.status == 201, answer
        return answer


def made(device: Native, path: str, **more: Any) -> str:
    """The path of a new request."""
    answer = device.post("/links", {"kind": "request", "path": path, **more})
    assert answer.status == 201, answer
    return str(answer.json["url"]).removeprefix(device.url)


def told(device: Native) -> dict[str, Any]:
    """What the maker is told of the newest link."""
    return dict(device.get("/links", {"all": "true"}).json["links"][0])


@pytest.fixture
def guest(native: Native, shared: RunningReceiver, folder: str) -> Iterator[Guest]:
    """Somebody with the address of a request to put files into the folder."""
    native.make_folder(folder)
    with Native(shared.url) as device:
        yield Guest(device, made(native, folder))


def small(size: int = 1000) -> Content:
    return random_content(size, algorithm=SHA256)


# -- the way in


def test_a_file_comes_into_the_folder_whole(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    content = small(3 * SMALL_CHUNK + 7)
    answer = guest.published("photo.jpg", content)
    assert (home(shared) / folder / "photo.jpg").read_bytes() == content.data
    file = native.items(folder)[0]
    assert (file["path"], file["size"]) == (f"{folder}/photo.jpg", content.size)
    assert file["modified_ns"] == MODIFIED_NS
    assert answer.headers["location"] == f"{guest.link}/uploads/{answer.json['id']}"
    link = told(native)
    assert (link["uses"], link["used_bytes"]) == (1, content.size)


def test_what_is_told_of_an_upload_tells_nothing_else(
    native: Native, guest: Guest, folder: str
) -> None:
    content = small()
    space = native.published(f"{folder}/photo.jpg", b"ours")["space"]
    started = guest.start("photo.jpg", content)
    upload = started.json["id"]
    guest.put(upload, 0, content)
    for answer in (
        started,
        guest.look(upload),
        guest.complete(upload, content),
        guest.look(upload),
    ):
        words = answer.body.decode() + str(dict(answer.headers))
        assert folder not in words
        assert space not in words
        assert "(2)" not in words
        assert "howdah-c" not in words
        assert answer.json["path"] == "photo.jpg"
    assert "known" not in started.json


def test_nobody_lists_fetches_or_asks_what_is_there(
    native: Native, guest: Guest, folder: str
) -> None:
    content = small()
    native.published(f"{folder}/ours", content)
    for suffix in ("/content", "/list", "/zip", "/files/ours"):
        assert guest.device.ask("GET", guest.link + suffix).code == "link_not_found"
    upload = guest.start("a", content).json["id"]
    for method, suffix in (
        ("GET", "/uploads"),
        ("POST", f"/uploads/{upload}/have"),
        ("GET", f"/uploads/{upload}/manifest"),
        ("POST", f"/uploads/{upload}/verify"),
        ("POST", f"/uploads/{upload}/chunks"),
    ):
        assert guest.device.ask(method, guest.link + suffix).status == 401
    page = guest.device.ask("GET", guest.link).body.decode()
    assert "ours" not in page
    assert folder not in page


def test_an_upload_is_there_for_its_own_link_alone(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    content = small()
    upload = guest.start("a", content).json["id"]
    ours = native.started(f"{folder}/b", content)
    with Native(shared.url) as device:
        other = Guest(device, made(native, folder))
        for found in (upload, ours, "0" * 32):
            answers = [
                other.look(found),
                other.put(found, 0, content),
                other.complete(found, content),
                other.cancel(found),
            ]
            assert {(one.status, one.code) for one in answers} == {(404, "upload_not_found")}
    assert guest.look(ours).code == "upload_not_found"
    # The maker sees what is on its way to them.
    assert upload in [one["id"] for one in native.uploads().json["uploads"]]


def test_nothing_is_ever_replaced(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a.txt", b"ours")
    contents = [small() for _ in range(4)]
    answers = [guest.published("a.txt", content) for content in contents]
    assert {answer.json["path"] for answer in answers} == {"a.txt"}
    where = home(shared) / folder
    assert (where / "a.txt").read_bytes() == b"ours"
    for number, content in enumerate(contents, start=2):
        assert (where / f"a ({number}).txt").read_bytes() == content.data
    assert len(native.items(folder)) == 5


def test_the_same_name_from_twenty_at_once_is_twenty_files(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.make_folder(folder)
    link = made(native, folder)
    contents = [small(100 + n) for n in range(20)]

    def send(content: Content) -> int:
        with Native(shared.url) as device:
            return Guest(device, link).published("scan.pdf", content).status

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(send, contents)) == {201}
    found = sorted((home(shared) / folder).iterdir())
    assert sorted(path.read_bytes() for path in found) == sorted(one.data for one in contents)


def test_a_folder_in_the_way_gets_no_file_put_over_it(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a/b", b"ours")
    native.published(f"{folder}/c", b"ours")
    content = small()
    guest.published("a", content)
    guest.published("c/d", content)
    assert (home(shared) / folder / "a (2)").read_bytes() == content.data
    assert (home(shared) / folder / "c (2)" / "d").read_bytes() == content.data


def test_the_same_start_and_the_same_completion_are_the_same(
    native: Native, guest: Guest, folder: str
) -> None:
    native.published(f"{folder}/a", b"ours")
    content, client_id = small(), secrets.token_hex(16)
    first = guest.start("a", content, client_id=client_id)
    again = guest.start("a", content, client_id=client_id)
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]
    assert guest.start("b", content, client_id=client_id).code == "client_id_conflict"
    upload = first.json["id"]
    guest.put(upload, 0, content)
    bodies = [guest.complete(upload, content) for _ in range(3)]
    assert {one.status for one in bodies} == {201}
    assert len({one.json["file"]["version"] for one in bodies}) == 1
    assert guest.complete(upload, content, sha256="0" * 64).code == "completion_conflict"
    assert guest.start("a", content, client_id=client_id).json["state"] == "published"
    assert told(native)["uses"] == 1


def test_two_that_complete_at_once_get_one_file(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    content = small(5 * SMALL_CHUNK)
    native.published(f"{folder}/a", b"ours")
    upload = guest.sent("a", content)

    def complete(_: int) -> int:
        with Native(shared.url) as device:
            return Guest(device, guest.link).complete(upload, content).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(complete, range(8))) == {201}
    assert len(native.items(folder)) == 2


def test_files_follow_a_folder_that_was_moved(
    native: Native, guest: Guest, folder: str, shared: RunningReceiver
) -> None:
    content = small()
    upload = guest.sent("a", content)
    # As a move does it: on the disk, and in the rows.
    (home(shared) / folder).rename(home(shared) / f"{folder}-moved")
    moved = f"{folder}-moved"
    change(shared, "UPDATE folders SET path = ?, name = ? WHERE path = ?", moved, moved, folder)
    assert guest.complete(upload, content).status == 201
    assert (home(shared) / f"{folder}-moved" / "a").read_bytes() == content.data
    assert not (home(shared) / folder).exists()


# -- names


def test_who_sends_gets_a_folder_of_that_name(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.make_folder(folder)
    link = made(native, folder, asks_name=True)
    content = small()
    with Native(shared.url) as device:
        guest = Guest(device, link)
        assert guest.start("a", content, name="  ").code == "bad_request"
        assert guest.start("a", content).code == "bad_request"
        guest.published("a", content, name="Some Body")
        guest.published("a", content, name="../../Some: Body\n")
        page = device.ask("GET", link).body.decode()
    assert 'id="name"' in page
    top = home(shared) / folder
    found = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    assert found == {"Some Body/a", "Some Body/a (2)"}


@pytest.mark.parametrize(
    ("given", "made_of_it"),
    [
        ("Anna", "Anna"),
        ("  Anna   Bee ", "Anna Bee"),
        ("a/b\\c", "a b c"),
        ("..", None),
        (".hidden.", "hidden"),
        ("\x00\x1f\u202e", None),
        ("x" * 300, "x" * 80),
        ("\u00fc" * 300, "\u00fc" * 80),
        ("\U0001f418" * 100, "\U0001f418" * 63),
        ('a<b>:"|?*', "a b"),
        ("", None),
    ],
)
def test_a_name_is_made_safe(given: str, made_of_it: str | None) -> None:
    if made_of_it is None:
        with pytest.raises(ProblemError, match="bad_request"):
            safe_name(given)
    else:
        assert safe_name(given) == made_of_it


@pytest.mark.parametrize(
    "path", ["", "..", "../a", "/a", "a/../../b", "a//b", "a\\b", "a\0b", "x" * 300, "a/", "."]
)
def test_a_name_that_is_none_is_refused(guest: Guest, path: str) -> None:
    assert guest.start(path, small()).code == "bad_path"


def test_what_only_who_is_signed_in_may_say_is_refused(
    native: Native, guest: Guest, folder: str
) -> None:
    content = small()
    space = native.published(f"{folder}/ours", b"ours")["space"]
    assert guest.start("a", content, space=space).code == "bad_request"
    assert guest.start("a", content, size=None).code == "bad_request"
    upload = guest.sent("a", content)
    assert guest.complete(upload, content, path="b").code == "bad_request"
    assert guest.complete(upload, content, if_version="0" * 32).code == "bad_request"
    assert guest.complete(upload, content, if_version="none").status == 201


# -- limits


def test_no_more_files_than_it_was_made_for(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.make_folder(folder)
    link = made(native, folder, most_uses=5)

    def start(_: int) -> Answer:
        with Native(shared.url) as device:
            return Guest(device, link).start(secrets.token_hex(4), small())

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(start, range(20)))
    assert sorted(answer.status for answer in answers) == [201] * 5 + [409] * 15
    assert {answer.code for answer in answers} == {None, "link_full"}
    assert (told(native)["uses"], told(native)["state"]) == (5, "used_up")
    # Whoever begins it once more, with an answer lost, is not one too many; whoever gives up makes room.
    with Native(shared.url) as device:
        guest = Guest(device, link)
        first = next(answer.json for answer in answers if answer.status == 201)
        again = guest.start(first["path"], small(), client_id=first["client_id"])
        assert again.status == 200
        for _ in range(2):
            assert guest.cancel(first["id"]).status == 204
        assert told(native)["uses"] == 4
        assert guest.start("one more", small()).status == 201
        assert guest.start("two more", small()).code == "link_full"
        # The page stays: whoever has begun goes on there.
        assert device.ask("GET", link).status == 200


def test_no_more_bytes_than_it_was_made_for(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.make_folder(folder)
    link = made(native, folder, most_bytes=10_000)

    def start(_: int) -> Answer:
        with Native(shared.url) as device:
            return Guest(device, link).start(secrets.token_hex(4), small(3000))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(start, range(10)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 7
    assert told(native)["used_bytes"] == 9000
    with Native(shared.url) as device:
        guest = Guest(device, link)
        assert guest.start("big", small(1001)).code == "link_full"
        upload = guest.sent("small", small(1000))
        assert guest.start("none", small(1)).code == "link_full"
        wrong = guest.complete(upload, small(1000), sha256="0" * 64)
        assert wrong.code in ("manifest_mismatch", "size_mismatch")
        assert part_file(shared, upload).exists()
    assert len(list((shared.data / "parts").iterdir())) >= 4


def test_what_was_refused_does_not_count(native: Native, guest: Guest, folder: str) -> None:
    content = small()
    upload = guest.sent("a", content)
    assert told(native)["uses"] == 1
    assert guest.complete(upload, content, sha256="0" * 64).code == "sha256_mismatch"
    assert (told(native)["uses"], told(native).get("used_bytes", 0)) == (0, 0)


# -- the deadline, and other ends


def test_what_was_begun_before_the_deadline_may_finish_for_an_hour(
    native: Native, guest: Guest, shared: RunningReceiver
) -> None:
    content = small(2 * SMALL_CHUNK)
    link = told(native)["id"]
    done, late = guest.start("a", content).json["id"], guest.start("b", content).json["id"]
    guest.put(done, 0, content)
    ended = "UPDATE links SET expires_ns = ? WHERE id = ?"
    change(shared, ended, time.time_ns() - 1, link)
    assert guest.start("c", content).code == "link_not_found"
    assert guest.device.ask("GET", guest.link).code == "link_not_found"
    assert guest.look(done).status == 200
    assert guest.put(done, 1, content).status == 201
    assert guest.complete(done, content).status == 201
    change(shared, ended, time.time_ns() - GRACE_SECONDS * 10**9 - MINUTE_NS, link)
    answers = [guest.look(late), guest.put(late, 0, content), guest.complete(late, content)]
    assert {answer.code for answer in answers} == {"link_not_found"}


def test_revoking_ends_what_is_under_way(native: Native, guest: Guest) -> None:
    content = small()
    upload = guest.sent("a", content)
    native.ask("DELETE", f"{API}/links/{told(native)['id']}")
    for answer in (
        guest.start("b", content),
        guest.put(upload, 0, content),
        guest.complete(upload, content),
        guest.look(upload),
        guest.cancel(upload),
    ):
        assert answer.code == "link_not_found"


@pytest.mark.parametrize("role", ["reader", "sender", None])
def test_a_request_ends_with_the_right_of_its_maker(
    native: Native, shared: RunningReceiver, folder: str, role: str | None
) -> None:
    space = native.published(f"{folder}/a", b"abc")["space"]
    account = new_account(shared)
    set_role(shared, space, account, "writer")
    content = small()
    with device_of(shared, account) as device, Native(shared.url) as stranger:
        guest = Guest(stranger, made(device, folder, space=space))
        upload = guest.sent("b", content)
        set_role(shared, space, account, role)
        assert guest.complete(upload, content).code == "link_not_found"
        set_role(shared, space, account, "writer")
        assert guest.complete(upload, content).status == 201
        assert (home(shared) / folder / "b").read_bytes() == content.data
        set_role(shared, space, account, None)


def test_a_password_holds_for_uploads_as_well(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    native.make_folder(folder)
    link = made(native, folder, password="secret")
    content = small()
    with Native(shared.url) as device:
        guest = Guest(device, link)
        assert guest.start("a", content).code == "link_password"
        device.ask(
            "POST", f"{link}/password", body=b"password=secret",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        upload = guest.sent("a", content)
    with Native(shared.url) as device:
        assert Guest(device, link).complete(upload, content).code == "link_password"
        with_it = {"Howdah-Link-Password": "secret"}
        path = f"{link}/uploads/{upload}/complete"
        assert device.ask("POST", path, message=content.completion(), headers=with_it).status == 201


def test_an_upload_goes_on_after_a_restart_and_the_page_tells_the_limits(short_path: Path) -> None:
    content = small(2 * SMALL_CHUNK)
    with (
        running_receiver(short_path / "data") as receiver,
        Native.paired_with(receiver) as device,
        Native(receiver.url) as stranger,
    ):
        device.make_folder("in")
        guest = Guest(
            stranger, made(device, "in", password="secret", most_uses=3, most_bytes=10**9)
        )
        stranger.ask(
            "POST", f"{guest.link}/password", body=b"password=secret",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        page = stranger.ask("GET", guest.link).body.decode()
        assert re.search("At most 3 files, at most 1 GB in all", page)
        upload = guest.start("a", content).json["id"]
        guest.put(upload, 0, content)
        receiver.kill()
        receiver.restart()
        assert guest.look(upload).json["received"] == [[0, 0]]
        assert guest.put(upload, 1, content).status == 201
        assert guest.complete(upload, content).status == 201
        assert (home(receiver) / "in" / "a").read_bytes() == content.data
        assert told(device)["uses"] == 1
