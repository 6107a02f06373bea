"""What can be set, from the environment (`HOWDAH_RECEIVER_*`) and the command line, parsed once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_data() -> Path:
    return platformdirs.user_data_path("howdah-receiver", appauthor=False)


class Settings(BaseSettings):
    """Frozen. Nothing needs to be set: the defaults make a receiver for this machine alone."""

    model_config = SettingsConfigDict(env_prefix="HOWDAH_RECEIVER_", frozen=True, extra="ignore")

    data: Annotated[Path, Field(default_factory=_default_data)]
    """The folder that holds everything."""
    host: str = "127.0.0.1"
    """The address to listen on. Any but a loopback one brings TLS."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8484
    """0: a free one."""
    allowed_hosts: list[str] = []
    """Names, beside this machine's own, that clients may call the receiver by."""
    header_seconds: Annotated[float, Field(gt=0)] = 15
    """So long may the head of a request take to arrive."""
    header_bytes: Annotated[int, Field(ge=4096)] = 32 * 1024
    body_idle_seconds: Annotated[float, Field(gt=0)] = 30
    """So long may a body bring nothing before its connection is closed."""
    body_bytes_per_second: Annotated[int, Field(ge=1)] = 64
    """What a body must bring on average over each such time: less is no line, but an attack."""
    keep_alive_seconds: Annotated[int, Field(gt=0)] = 75
    connections: Annotated[int, Field(ge=1)] = 512
    """Open at once, in all."""
    connections_per_address: Annotated[int, Field(ge=1)] = 128
    stop_seconds: Annotated[int, Field(ge=1)] = 6
    """So long may requests go on once the receiver is told to stop."""
