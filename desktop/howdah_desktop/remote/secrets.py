"""Where a pairing is kept: the token in the desktop's keyring if one works, else in a file.

`receiver.json` in the client's folder holds everything but the token. A keyring counts only after
what was put into it came back: there are keyrings that take everything and keep nothing, and some
that ask a question on a screen that nobody sits at.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.system import home, write_private

SERVICE = "howdah"
KEYRING_SECONDS = 5.0
RECEIVER_FILE = "receiver.json"
TOKEN_FILE = "token"  # the name of a file


class TokenPlace(Enum):
    """Where the token of a pairing is."""

    KEYRING = "keyring"
    FILE = "file"


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in receiver.json."""

    address: str
    pin: str | None
    device: str
    account: str
    receiver_name: str
    catalogue: str
    token_in: TokenPlace
    keyring_name: str = ""
    """Under which name the keyring has it: each home folder has its own."""


def save(paired: PairedReceiver) -> TokenPlace:
    """Keep a pairing, in place of the one before; says where the token went.

    Raises ProblemError("target_unwritable") where the client's folder takes nothing.
    """
    folder = _folder()
    name = f"{folder}#{paired.device}"
    in_keyring = _put(name, paired.token)
    place = TokenPlace.KEYRING if in_keyring else TokenPlace.FILE
    record = _Record(
        address=paired.address,
        pin=paired.pin,
        device=paired.device,
        account=paired.account,
        receiver_name=paired.receiver_name,
        catalogue=paired.catalogue,
        token_in=place,
        keyring_name=name if in_keyring else "",
    )
    try:
        # The token first: a record without its token would be a pairing that does not work.
        if place is TokenPlace.FILE:
            write_private(folder / TOKEN_FILE, paired.token.encode())
        write_private(folder / RECEIVER_FILE, msgspec.json.encode(record))
        if place is TokenPlace.KEYRING:
            (folder / TOKEN_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise ProblemError("target_unwritable", f"{folder} takes no file.") from error
    return place


def told(place: TokenPlace) -> str:
    """Where the token is, in a sentence: a file protects it less than a keyring does."""
    if place is TokenPlace.KEYRING:
        return "Its token is in the desktop's keyring."
    return (
        f"No keyring works here: its token is in {_folder() / TOKEN_FILE}, unencrypted,"
        " in a file that only you can read."
    )


def place_of_token() -> TokenPlace | None:
    """Where the token of the pairing is; None: there is no pairing. Raises ProblemError."""
    record = _record(_folder())
    return None if record is None else record.token_in


def load() -> PairedReceiver:
    """The pairing that was kept. Raises ProblemError("not_paired")."""
    folder = _folder()
    record = _record(folder)
    if record is None:
        raise ProblemError("not_paired")
    if record.token_in is TokenPlace.KEYRING:
        token = _get(record.keyring_name)
        if token is None:
            raise ProblemError("not_paired", "The keyring does not give its token.")
    else:
        try:
            token = (folder / TOKEN_FILE).read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise ProblemError("not_paired", "Its token is gone.") from error
    return PairedReceiver(
        address=record.address,
        pin=record.pin,
        token=token,
        device=record.device,
        account=record.account,
        receiver_name=record.receiver_name,
        catalogue=record.catalogue,
    )


def forget() -> None:
    """Remove the pairing and its token from here. Raises ProblemError("target_unwritable")."""
    folder = _folder()
    record = _record(folder)
    if record is not None and record.token_in is TokenPlace.KEYRING:
        _delete(record.keyring_name)
    try:
        (folder / RECEIVER_FILE).unlink(missing_ok=True)
        (folder / TOKEN_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise ProblemError("target_unwritable", f"{folder} cannot be changed.") from error


def _folder() -> Path:
    try:
        return home()
    except OSError as error:
        raise ProblemError("target_unwritable", "The client has no folder of its own.") from error


def _record(folder: Path) -> _Record | None:
    try:
        return msgspec.json.decode((folder / RECEIVER_FILE).read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None


def _put(name: str, token: str) -> bool:
    """Whether the keyring keeps it."""

    def put() -> str | None:
        import keyring

        keyring.set_password(SERVICE, name, token)
        return keyring.get_password(SERVICE, name)

    return _in_time(put) == token


def _get(name: str) -> str | None:
    def get() -> str | None:
        import keyring

        return keyring.get_password(SERVICE, name)

    return _in_time(get)


def _delete(name: str) -> None:
    def delete() -> None:
        import keyring

        keyring.delete_password(SERVICE, name)

    _in_time(delete)


def _in_time(work: Callable[[], str | None]) -> str | None:
    """What `work` gives; None if it fails or takes longer than 5 s.

    A locked keyring may wait for a password for ever. Its thread is then left behind.
    """
    results: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(work())
        except Exception:  # noqa: BLE001  # backends raise anything
            results.put(None)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        return results.get(timeout=KEYRING_SECONDS)
    except queue.Empty:
        return None
