"""Every setting, in the groups that an owner would look for it in."""

from __future__ import annotations

from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from howdah_receiver.settings.values import (
    DAY,
    GIB,
    KIB,
    MIB,
    WEBHOOK,
    Address,
    Bytes,
    Hosts,
    Mode,
    Networks,
    Pin,
    Place,
    Seconds,
    TypePatterns,
    WholeSeconds,
    webhook,
)


def default_data() -> Place:
    return platformdirs.user_data_path("howdah-receiver", appauthor=False)


def default_config() -> Place:
    return platformdirs.user_config_path("howdah-receiver", appauthor=False) / "receiver.toml"


class _Group(BaseModel):
    """The first line of a group's docstring is its heading in the docs, the rest stands below it."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Places(_Group):
    """Where things are"""

    config: Place | None = None
    """The TOML file with settings. Without it, `receiver.toml` in the user's configuration folder
    (`~/.config/howdah-receiver`) is read if it is there. Cannot stand in that file itself."""
    data: Place = Field(default_factory=default_data)
    """The folder that holds everything. By default the user's data folder
    (`~/.local/share/howdah-receiver`)."""


class Listening(_Group):
    """Listening"""

    host: str = "127.0.0.1"
    """The address to listen on. Any but a loopback one brings TLS."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8484
    """The port to listen on. 0: a free one."""
    unix: Place | None = None
    """A socket to listen on in place of an address, for a proxy on the same machine (see proxies.md). Whoever
    may write to it (its user and group) counts as a trusted proxy."""
    public_url: Address | None = None
    """What clients call the receiver by, where that is not where it listens: behind a proxy or a forwarded
    port. Pairing links name it."""
    allowed_hosts: Hosts = ()
    """Names that clients may call the receiver by, beside this machine's own and that of `public_url`."""


class Trust(_Group):
    """TLS and proxies"""

    tls: Literal["auto", "off"] = "auto"
    """`auto`: on any address but a loopback one. `off`: never. On any address but a loopback one that needs
    `trusted_proxies`, and connections from elsewhere are closed: no token crosses a network in the
    clear."""
    certificate_file: Place | None = None
    """A certificate of yours (PEM, with the chain up to its authority) in place of the one that the receiver
    makes. A renewed one is taken up within half a minute, or at once by SIGHUP."""
    key_file: Place | None = None
    """The key of `certificate_file` (PEM, without a passphrase)."""
    pin: Pin = "auto"
    """The certificate that pairing links name, as the only one to trust. `auto`: the one that the receiver
    shows, or none where a proxy stands before it; `off`: none, so that clients go by the authorities that
    their computer trusts, and a certificate can be renewed; `sha256:...`: that one, which a proxy shows."""
    trusted_proxies: Networks = ()
    """Addresses and networks of proxies. What they say of whom they ask for counts; what anybody else says
    does not."""
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The header in which the proxies say it: X-Forwarded-For with X-Forwarded-Proto, or Forwarded
    (RFC 7239). The other one is ignored, as a proxy lets through what it does not write."""


class Requests(_Group):
    """Limits of requests and connections"""

    header_seconds: Annotated[Seconds, Field(gt=0)] = 15
    """So long may the head of a request take to arrive."""
    header_bytes: Annotated[Bytes, Field(ge=4096)] = 32 * KIB
    """So large may it be."""
    body_idle_seconds: Annotated[Seconds, Field(gt=0)] = 30
    """So long may a body bring nothing before its connection is closed."""
    body_bytes_per_second: Annotated[Bytes, Field(ge=1)] = 64
    """What a body must bring on average over each such time: less is no line, but an attack."""
    keep_alive_seconds: Annotated[WholeSeconds, Field(gt=0)] = 75
    """So long may a connection rest between two requests."""
    ping_seconds: Annotated[Seconds, Field(gt=0)] = 20
    """So often is a program that watches events asked whether it is still there. It has as long to
    answer."""
    connections: Annotated[int, Field(ge=1)] = 512
    """Open at once, in all."""
    connections_per_address: Annotated[int, Field(ge=1)] = 128
    """Open at once from one address. Of those behind a trusted proxy, requests under way are counted."""


class Uploading(_Group):
    """Uploads

    [limits.md](limits.md) says what each of them is good for."""

    upload_idle_seconds: Annotated[Seconds, Field(ge=0)] = 7 * DAY
    """An upload of which nothing came for so long goes into recovery. 0: never."""
    upload_recovery_seconds: Annotated[Seconds, Field(ge=0)] = 14 * DAY
    """So long is it kept there, with all that was received, and taken up again by whoever goes on with it.
    Then its room is freed."""
    upload_most_bytes: Annotated[Bytes, Field(ge=0)] = 0
    """The largest file that is taken. 0: whatever fits."""
    uploads_most_open: Annotated[int, Field(ge=0)] = 10_000
    """So many uploads may an account have open at once. 0: any number."""
    uploads_per_minute: Annotated[int, Field(ge=0)] = 0
    """So many uploads may an account begin within a minute. 0: any number."""
    rate_bytes_per_second: Annotated[Bytes, Field(ge=0)] = 0
    """So fast are uploads taken, all together, in equal parts for each account that sends. 0: as fast as it
    goes."""
    account_rate_bytes_per_second: Annotated[Bytes, Field(ge=0)] = 0
    """So fast are the uploads of one account taken. 0: as fast as it goes."""
    free_floor_bytes: Annotated[Bytes, Field(ge=8 * MIB)] = 8 * MIB
    """So much of the disk do uploads leave free: what would take of it is refused before its bytes come."""
    types_allowed: TypePatterns = ()
    """Take these alone: media types, as the first bytes of a file tell, and ends of names. Empty: any."""
    types_denied: TypePatterns = ()
    """Do not take these, whatever is allowed: by the first bytes or by the name."""
    type_mismatch: Literal["ignore", "flag", "refuse"] = "flag"
    """What about a file whose name says one type and whose first bytes another, such as a program called
    `picture.png`: take it, take it and mark it, or refuse it."""


class People(_Group):
    """Accounts"""

    sign_up: Literal["closed", "open"] = "closed"
    """Who may make an account by `POST /auth/signup`. `closed`: whoever shows an invitation. `open`: everyone
    who reaches the receiver."""
    login_seconds: Annotated[Seconds, Field(ge=60)] = 30 * DAY
    """So long is a login by password good without being used. Paired devices stay until they are revoked."""
    hashing_count: Annotated[int, Field(ge=1, le=64)] = 2
    """So many passwords are hashed at once; each takes 64 MiB of memory and a processor for some 0.2 s."""


class Keeping(_Group):
    """What is kept, and for how long"""

    trash_seconds: Annotated[Seconds, Field(ge=0)] = 30 * DAY
    """So long is what was deleted kept in the trash."""
    versions_seconds: Annotated[Seconds, Field(ge=0)] = 365 * DAY
    """So long is a version kept after it was replaced."""
    versions_count: Annotated[int, Field(ge=0)] = 100
    """So many replaced versions of a file are kept at most."""
    versions_daily_count: Annotated[int, Field(ge=0)] = 7
    """Older versions are thinned out: of those that were replaced more than a day ago, the newest of each day
    stays for so many days, ..."""
    versions_weekly_count: Annotated[int, Field(ge=0)] = 4
    """... the newest of each week for so many weeks, ..."""
    versions_monthly_count: Annotated[int, Field(ge=0)] = 12
    """... and the newest of each month for so many months. With all three 0, none is thinned out."""
    history_seconds: Annotated[Seconds, Field(ge=0)] = 730 * DAY
    """So long is it remembered that something stood at a path, after its content is gone for good: a folder
    that is restored to a date names what is missing."""


class Sharing(_Group):
    """Files on the disk, for other programs (see files.md)"""

    files_mode: Mode = "0666"
    """The mode of new files, in octal, before `files_umask`. Folders get the same, and may be entered by
    whoever may read them."""
    files_umask: Mode = "0022"
    """What is taken away from the modes of new files and folders."""
    files_group: str | None = None
    """The group of new files and folders, by name or number: those of its members may reach them. The
    receiver's user must be one of them."""


class Running(_Group):
    """Stopping and logs"""

    stop_seconds: Annotated[WholeSeconds, Field(ge=1)] = 6
    """So long may requests go on once the receiver is told to stop."""
    stop_delay_seconds: Annotated[Seconds, Field(ge=0, le=60)] = 0
    """So long does the receiver go on taking calls once it is told to stop, while `/readyz` tells a load
    balancer to send no more."""
    debug: bool = False
    """Say more in the log."""
    log_format: Literal["line", "json"] = "line"
    """`line`: for people. `json`: one object a line, for programs."""


class Watching(_Group):
    """Watching it

    See [watching.md](watching.md)."""

    metrics_token: SecretStr | None = None
    """Who has it may ask for `/metrics`, and for nothing else. Without it, only administrators may."""
    alarm_webhook: Annotated[SecretStr | None, BeforeValidator(webhook), WEBHOOK] = None
    """Where alarms are posted: a device that was silent for too long, a disk almost full, damage that was
    found. Secret, as such addresses are."""
    alarm_free_bytes: Annotated[Bytes, Field(ge=0)] = 5 * GIB
    """Less than so much free on the disk is an alarm. 0: none."""
    audit_seconds: Annotated[Seconds, Field(ge=3600)] = 365 * DAY
    """So long is it kept who signed in, and what was done to accounts, devices and links."""


GROUPS: tuple[type[BaseModel], ...] = (
    Places,
    Listening,
    Trust,
    Requests,
    Uploading,
    Keeping,
    Sharing,
    People,
    Running,
    Watching,
)
"""In the order of the docs. A new group goes here, and among the bases of `model.Settings`."""
