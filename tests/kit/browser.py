"""A real Chromium, driven through the WebDriver protocol (W3C), with a profile that is gone afterwards."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from kit.ports import free_port
from kit.processes import PATIENCE_SECONDS, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MISSING = "chromedriver is not there: on Debian, apt-get install chromium-driver"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
)


def has_browser() -> bool:
    return shutil.which("chromedriver") is not None


class Browser:
    """One window."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client = client
        self._session = f"/session/{session}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Raises AssertionError with what the driver says."""
        message = (body or {}) if method == "POST" else None
        answer = self._client.request(method, self._session + path, json=message)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def goto(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def reload(self) -> None:
        self._ask("POST", "/refresh")

    @property
    def url(self) -> str:
        return str(self._ask("GET", "/url"))

    @property
    def title(self) -> str:
        return str(self._ask("GET", "/title"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; what it returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def find(self, selector: str) -> str:
        """The element's id."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def click(self, selector: str) -> None:
        self._ask("POST", f"/element/{self.find(selector)}/click")

    def type(self, selector: str, text: str) -> None:
        """Into a field; for one that takes files, their paths, one a line."""
        self._ask("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def choose(self, selector: str, *files: Path) -> None:
        self.type(selector, "\n".join(map(str, files)))

    def text(self, selector: str = "body") -> str:
        """As it is seen now."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def sees(self, words: str) -> None:
        """Wait until the words are on the page."""
        self.wait_for(f"return document.body?.innerText.includes({json.dumps(words)})")

    def wait_for(self, script: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """What the body of a function returns, once it is something."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < deadline, f"never came: {script}\n{self.text()}"
        return found

    def complaints(self) -> list[str]:
        """What the page has put into the console as errors since it was last asked."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def devtools(self, command: str, **parameters: Any) -> Any:
        body = {"cmd": command, "params": parameters}
        return self._ask("POST", "/goog/cdp/execute", body)

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """How the person has it."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))


@contextmanager
def browser(*flags: str, downloads: Path | None = None) -> Iterator[Browser]:
    """A window for as long as the block; what is downloaded goes to `downloads`."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile,
        spawn(
            ["chromedriver", f"--port={port}"],
            folder=Path(profile),
            env={"HOME": profile, "TMPDIR": profile},
        ) as driver,
    ):
        driver.wait_for("started successfully")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as client:
            session = _new_session(client, [*_FLAGS, *flags], Path(profile), downloads)
            window = Browser(client, session)
            try:
                yield window
            finally:
                client.delete(f"/session/{session}")


def _new_session(
    client: httpx.Client, flags: Sequence[str], profile: Path, downloads: Path | None
) -> str:
    options: dict[str, Any] = {"args": [*flags, f"--user-data-dir={profile / 'profile'}"]}
    if downloads is not None:
        options["prefs"] = {"download.default_directory": str(downloads)}
    wanted = {
        "browserName": "chrome",
        "unhandledPromptBehavior": "accept",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"]["sessionId"])
