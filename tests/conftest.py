"""Every test gets a machine of its own: home, temporary folder, environment."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from kit.client import Client
from kit.receiver import RunningReceiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

    from howdah_desktop.window.theme import Theme

# A busy machine is no finding.
settings.register_profile("howdah", deadline=None)
settings.load_profile("howdah")

SOAK = "HOWDAH_SOAK"

WINDOW = Path(__file__).parent / "desktop" / "window"

# An address that no D-Bus library finds a bus at. Without any, they would look for the desktop's, or
# start one.
NO_BUS = "disabled:"

# What would lead a test to the user's receiver, database, bucket, proxy, keyring or desktop.
FOREIGN_PREFIXES = ("HOWDAH_", "AWS_", "XDG_", "PYTHON_KEYRING_", "QT_")
FOREIGN_VARIABLES = {
    "ALL_PROXY",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "FORWARDED_ALLOW_IPS",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANGUAGE",
    "NO_PROXY",
    "NOTIFY_SOCKET",
    "PORT",
    "REDIS_URL",
    "STORAGE_URL",
    "UVICORN_PORT",
    "WEB_CONCURRENCY",
}


# Chosen for the whole run: SOAK=1 by `make soak`, the platform to see a test's window on a screen.
OURS = (SOAK, "QT_QPA_PLATFORM")


def why_no_qt() -> str:
    """Why Qt cannot be loaded, a library of the system that is missing say; empty if it can."""
    try:
        import PySide6.QtTest
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""


NO_QT = why_no_qt()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Before anything starts: the application is made before the first test has its own machine."""
    for name in list(os.environ):
        if name.startswith("QT_") and name not in OURS:
            del os.environ[name]
    # Started in the background of a shell, a run ignores Ctrl-C, and so would every program that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = NO_BUS
    if NO_QT:
        # It would end the run of all the tests that need no window.
        pluginmanager.unregister(name="pytest-qt")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without Qt, its tests cannot even be read."""
    return True if NO_QT and WINDOW in (collection_path, *collection_path.parents) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out is said, as for a test that is skipped."""
    if NO_QT:
        terminalreporter.write_line(f"The tests of the window were left out: {NO_QT}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long belongs to `make soak`: it is not skipped here, but another run."""
    if os.environ.get(SOAK) == "1":
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def short_root() -> Iterator[Path]:
    """A folder with a short path: a socket in it must fit the 108 bytes of sun_path.

    pytest's tmp_path holds the test's name and is too long for that.
    """
    root = Path(tempfile.mkdtemp(prefix="hd-", dir="/tmp"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _base_of_tmp_path(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Made before any test has a temporary folder of its own: pytest would make it in the first of those,
    and it would be gone with that test."""
    tmp_path_factory.getbasetemp()


_numbers = count()


@pytest.fixture
def short_path(short_root: Path) -> Iterator[Path]:
    """Like tmp_path, but short, and gone after the test."""
    path = short_root / str(next(_numbers))
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_machine(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, temporary folder and environment that no other test and no user has."""
    for name in list(os.environ):
        foreign = name.startswith(FOREIGN_PREFIXES) or name.upper() in FOREIGN_VARIABLES
        if foreign and name not in OURS:
            monkeypatch.delenv(name)

    folders = {
        "HOME": "home",
        "HOWDAH_HOME": "howdah",
        "TMPDIR": "tmp",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_CONFIG_HOME": "home/.config",
        "XDG_DATA_HOME": "home/.local/share",
        "XDG_RUNTIME_DIR": "run",
        "XDG_STATE_HOME": "home/.local/state",
    }
    for name, folder in folders.items():
        path = short_path / folder
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(path))
    # tempfile remembers the folder that it found first.
    monkeypatch.setattr(tempfile, "tempdir", None)

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with monkeypatch.context() as clock:
        clock.setenv("TZ", "UTC")
        time.tzset()
        yield short_path
    time.tzset()


@pytest.fixture
def receiver(own_machine: Path) -> Iterator[RunningReceiver]:
    """A receiver that nobody is paired with yet."""
    with running_receiver(own_machine / "data") as running:
        yield running


@pytest.fixture
def client(own_machine: Path) -> Iterator[Client]:
    """A client that is paired with nobody yet."""
    client = Client(own_machine / "howdah")
    yield client
    client.close()


@pytest.fixture
def paired(client: Client, receiver: RunningReceiver) -> Client:
    """A client that is paired with the test's receiver."""
    client.run("pair", receiver.link)
    return client


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """The one application that all tests share, dressed like Howdah's own."""
    from howdah_desktop.window import theme

    theme.install(qapp, "light")
    return qapp


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The application's theme, light at first; a test may choose another."""
    from howdah_desktop.window.theme import Theme

    found = qapp.findChild(Theme)
    assert found is not None
    yield found
    found.choose("light")
