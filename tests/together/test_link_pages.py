"""The pages of links in a real browser: what people do on them, and what nobody can make them do."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from kit.browser import MISSING, browser, has_browser
from kit.native import Native, home
from kit.processes import PATIENCE_SECONDS
from kit.receiver import running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.browser import Browser
    from kit.receiver import RunningReceiver

needs_browser = pytest.mark.skipif(not has_browser(), reason=MISSING)
NAME = "howdah.test"
"""A name of this machine, in the browser alone: over it, plain http is no secure context."""
DONE = "return document.querySelector('#list li')?.dataset.state == 'done'"
CALM = "return window.fired === undefined"


@pytest.fixture(scope="module")
def downloads(short_root: Path) -> Path:
    path = short_root / "downloads"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def started(downloads: Path) -> Iterator[Browser]:
    rule = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    with browser(rule, downloads=downloads) as found:
        yield found


@pytest.fixture
def window(started: Browser) -> Browser:
    """With nothing on it, and nothing left of the test before."""
    started.goto("about:blank")
    started.complaints()
    started.look()
    return started


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as found:
        yield found


def made(device: Native, kind: str, path: str, **more: Any) -> str:
    """The address of a new link."""
    answer = device.post("/links", {"kind": kind, "path": path, **more})
    assert answer.status == 201, answer
    return str(answer.json["url"])


def source(folder: Path, size: int, name: str = "holiday.mov") -> Path:
    path = folder / name
    path.write_bytes(secrets.token_bytes(size))
    return path


def arrived(receiver: RunningReceiver, path: str) -> bytes:
    return (home(receiver) / path).read_bytes()


# -- putting files in


@needs_browser
def test_a_stranger_sends_files_and_they_arrive_byte_for_byte(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    large = source(short_path, 20_000_001)
    empty, other = source(short_path, 0, "empty"), source(short_path, 1_048_576, "one.bin")
    window.goto(made(device, "request", "in", asks_name=True, label="Your pictures"))
    assert window.run("return isSecureContext && !!crypto.subtle")
    assert "Your pictures" in window.text()
    window.type("#name", "Some Body")
    window.choose("#files", large, empty, other)
    window.wait_for("return document.querySelectorAll('[data-state=done]').length == 3")
    assert "All 3 have arrived." in window.text()
    for path in (large, empty, other):
        assert arrived(receiver, f"in/Some Body/{path.name}") == path.read_bytes()
    # To the millisecond, which is what a browser tells.
    modified = (home(receiver) / "in" / "Some Body" / large.name).stat().st_mtime_ns
    assert modified // 10**6 == large.stat().st_mtime_ns // 10**6
    assert window.complaints() == []


@needs_browser
def test_without_a_name_nothing_is_sent(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    window.goto(made(device, "request", "in", asks_name=True))
    window.choose("#files", source(short_path, 10))
    assert window.run("return document.querySelectorAll('#list li').length") == 0
    assert window.run("return document.activeElement.id") == "name"


@needs_browser
def test_without_a_secure_context_the_digests_are_ours(
    window: Browser, own_machine: Path, short_path: Path
) -> None:
    env = {"HOWDAH_RECEIVER_ALLOWED_HOSTS": NAME}
    with (
        running_receiver(own_machine / "data", env=env) as receiver,
        Native.paired_with(receiver) as device,
    ):
        device.make_folder("in")
        path = source(short_path, 3_000_003)
        window.goto(made(device, "request", "in").replace("127.0.0.1", NAME))
        assert window.run("return !isSecureContext && !crypto.subtle")
        window.choose("#files", path)
        window.wait_for(DONE)
        assert arrived(receiver, "in/holiday.mov") == path.read_bytes()
        for size in (0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 1000):
            data = os.urandom(size)
            found = window.run("return hex(plainSha256(Uint8Array.from(arguments[0])))", list(data))
            assert found == hashlib.sha256(data).hexdigest(), size


@needs_browser
def test_a_receiver_that_dies_on_the_way_is_waited_for(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    path = source(short_path, 60_000_000)
    window.goto(made(device, "request", "in", password="secret"))
    window.type("#password", "secret")
    window.click("button")
    window.sees("Choose files")
    window.choose("#files", path)
    window.wait_for("return document.querySelector('progress')?.value > 0.1")
    receiver.kill()
    window.sees("Next try in")
    receiver.restart()
    window.wait_for(DONE, seconds=2 * PATIENCE_SECONDS - 5)
    assert arrived(receiver, "in/holiday.mov") == path.read_bytes()
    assert device.get("/links").json["links"][0]["uses"] == 1


@needs_browser
def test_after_a_reload_the_same_file_goes_on(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    path = source(short_path, 60_000_000)
    window.goto(made(device, "request", "in"))
    window.choose("#files", path)
    window.wait_for("return document.querySelector('progress')?.value > 0.1")
    window.reload()
    assert window.run("return document.querySelectorAll('#list li').length") == 0
    window.choose("#files", path)
    window.wait_for(DONE)
    assert arrived(receiver, "in/holiday.mov") == path.read_bytes()
    assert device.get("/links").json["links"][0]["uses"] == 1


@needs_browser
def test_what_the_link_does_not_take_is_said_and_cancelling_makes_room(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    window.goto(made(device, "request", "in", most_bytes=2_000_000))
    window.choose("#files", source(short_path, 2_000_001))
    window.wait_for("return document.querySelector('[data-state=failed]')")
    assert "The link does not take that much." in window.text()
    assert "Try again" in window.text("#list")
    window.click("#list button:last-of-type")
    window.wait_for("return document.querySelectorAll('#list li').length == 0")
    small = source(short_path, 1000, "small")
    window.choose("#files", small)
    window.wait_for(DONE)
    assert arrived(receiver, "in/small") == small.read_bytes()


@needs_browser
def test_a_dropped_file_is_sent_like_a_chosen_one(
    window: Browser, receiver: RunningReceiver, device: Native
) -> None:
    device.make_folder("in")
    window.goto(made(device, "request", "in"))
    window.run(
        "const transfer = new DataTransfer();"
        "transfer.items.add(new File(['dropped'], 'd.txt'));"
        "const drop = new DragEvent('drop', {dataTransfer: transfer, cancelable: true});"
        "document.getElementById('drop').dispatchEvent(drop);"
    )
    window.wait_for(DONE)
    assert arrived(receiver, "in/d.txt") == b"dropped"


@needs_browser
def test_without_scripts_a_sentence_says_so(
    window: Browser, receiver: RunningReceiver, device: Native
) -> None:
    device.make_folder("in")
    window.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.goto(made(device, "request", "in"))
        assert "Sending files from this page needs JavaScript." in window.text()
    finally:
        window.devtools("Emulation.setScriptExecutionDisabled", value=False)


# -- fetching them


def downloaded(downloads: Path, name: str) -> bytes:
    """A download, once it is whole."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    path = downloads / name
    while not path.exists() or list(downloads.glob("*.crdownload")):
        assert time.monotonic() < deadline, list(downloads.iterdir())
    return path.read_bytes()


@needs_browser
def test_a_page_gives_its_file_and_a_folder_its_zip(
    window: Browser, receiver: RunningReceiver, device: Native, downloads: Path
) -> None:
    content = secrets.token_bytes(5_000_000)
    device.published("Photos/take 3 \u00e4.mp4", content)
    device.published("Photos/in/notes.txt", b"abc")
    window.goto(made(device, "file", "Photos/take 3 \u00e4.mp4", password="open sesame"))
    assert "take 3" not in window.text()
    window.type("#password", "wrong one")
    window.click("button")
    window.sees("missing or wrong")
    window.type("#password", "open sesame")
    window.click("button")
    window.sees("take 3 \u00e4.mp4")
    window.click("a.button")
    assert downloaded(downloads, "take 3 \u00e4.mp4") == content
    window.goto(made(device, "folder", "Photos"))
    window.click("a.folder")
    window.click("a.name")
    assert downloaded(downloads, "notes.txt") == b"abc"
    window.click("nav a")
    window.click("a.button")
    with zipfile.ZipFile(io.BytesIO(downloaded(downloads, "Photos.zip"))) as archive:
        assert archive.read("Photos/take 3 \u00e4.mp4") == content


# -- what nobody can make them do

HOSTILE = [
    "<script>window.fired=1<\u2044script>",
    "<img src=x onerror=window.fired=1>",
    "\"><svg onload=window.fired=1>",
    "' onmouseover='window.fired=1' x='",
    "javascript:window.fired=1",
    "${window.fired=1} {{fired}} `$base` $base",
    "<!--", "]]>", "&lt;b&gt; &#60;b>",
    "\u202efdp.exe", "\u2066\u2069\u200f\u061c", "\u05e9\u05dc\u05d5\u05dd (1)",
    "line\nbreak\ttab\x01\x1b[31m\x7f",
    "a" * 200,
    "<base href=\"//evil.example\">",
    "<meta http-equiv=refresh content='0;url=data:text/html,fired'>",
]  # fmt: skip


@needs_browser
def test_hostile_names_and_labels_fire_nothing(
    window: Browser, receiver: RunningReceiver, device: Native
) -> None:
    for name in HOSTILE:
        name = name.replace("/", "_")
        device.published(f"top/{name}", b"abc")
        device.make_folder(f"top/f {name}")
    labels = [name for name in HOSTILE if name.isprintable()]
    links = [made(device, "folder", "top", label=label) for label in labels]
    names = [name.replace("/", "_") for name in HOSTILE]
    links += [made(device, "file", f"top/{name}") for name in names]
    links += [made(device, "request", f"top/f {name}") for name in names]
    links += [made(device, "request", "top", label=label) for label in labels]
    for link in links:
        window.goto(link)
        check_calm(window, link)
    # Every way through them that there is to click on.
    window.goto(links[0])
    for href in window.run("return [...document.querySelectorAll('a.folder')].map(a => a.href)"):
        assert href.startswith(links[0] + "?path=")
        window.goto(href)
        check_calm(window, href)


def check_calm(window: Browser, link: str) -> None:
    window.run(
        "for (const e of document.querySelectorAll('main *')) e.dispatchEvent(new Event('mouseover'))"
    )
    assert window.run(CALM), link
    assert urlsplit(window.url).netloc == urlsplit(link).netloc
    assert (
        window.run("return document.querySelectorAll('main script, main img, base, iframe').length")
        == 0
    )
    assert window.complaints() == []
    assert window.run("return document.documentElement.scrollWidth <= innerWidth"), link


@needs_browser
def test_hostile_names_of_chosen_files_and_hostile_answers_fire_nothing(
    window: Browser, receiver: RunningReceiver, device: Native, short_path: Path
) -> None:
    device.make_folder("in")
    window.goto(made(device, "request", "in"))
    for name in HOSTILE:
        if "/" not in name and "\n" not in name:
            window.choose("#files", source(short_path, 10, name))
    window.wait_for("return ![...document.querySelectorAll('#list li')].some("
                    "row => ['waiting', 'sending'].includes(row.dataset.state))")  # fmt: skip
    check_calm(window, window.url)
    # Whoever stands between may answer anything: it is text on the page.
    window.run(
        "window.fetch = async () => new Response(JSON.stringify({title: '<img src=x onerror=window.fired=1>',"
        " remedy: '<script>window.fired=1</script>'}), {status: 400})"
    )
    window.choose("#files", source(short_path, 10, "more"))
    window.sees("<img src=x")
    check_calm(window, window.url)


# -- how they look


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_they_fit_a_telephone_in_light_and_dark(
    window: Browser, receiver: RunningReceiver, device: Native, dark: bool
) -> None:
    device.published("Photos/" + "long-name-without-a-space" * 8, b"abc")
    device.published("Photos/in/a", b"abc")
    pages = [
        made(device, "folder", "Photos", label="w" * 200, seconds=3600, most_uses=5),
        made(device, "file", "Photos/in/a", label="w" * 200),
        made(device, "request", "Photos", label="w" * 200, asks_name=True, most_bytes=10**12),
        made(device, "file", "Photos/in/a", password="secret"),
        f"{receiver.url}/s/none",
    ]
    window.look(dark=dark, width=320, height=640)
    for page in pages:
        window.goto(page)
        wide = window.run(
            "return [...document.querySelectorAll('*')].filter("
            "e => e.getBoundingClientRect().right > document.documentElement.clientWidth)"
            ".map(e => e.outerHTML.slice(0, 99))"
        )
        assert wide == []
        ground = window.run("return getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(27, 28, 28)" if dark else "rgb(246, 246, 244)")


def luminance(colour: str) -> float:
    """Relative, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_they_can_be_read_in_light_and_dark(receiver: RunningReceiver) -> None:
    with Native(receiver.url) as stranger:
        style = stranger.ask("GET", "/s/-/links.css").body.decode()
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9A-F]{6})", theme))
        for words in ("text", "quiet", "accent", "error"):
            for ground in ("background", "surface"):
                assert contrast(colours[words], colours[ground]) >= 4.5, (words, ground)
        for ground in ("accent", "hover"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5
        for edge in ("outline", "accent"):
            assert contrast(colours[edge], colours["surface"]) >= 3, edge
