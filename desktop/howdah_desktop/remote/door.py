"""One request to a receiver: sent over checked connections, answered or a ProblemError.

The only place where httpx is called and where its exceptions become problems.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import httpx

from howdah_common.messages import API, CATALOGUE_HEADER, CHANGE_HEADER
from howdah_common.problems import ProblemError
from howdah_desktop.remote import answers
from howdah_desktop.remote.trust import Transport, is_loopback

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0
"""Without a byte, in either direction; a slow line may take as long as it needs in all."""
KEPT_ALIVE_SECONDS = 20.0

Block = bytes | memoryview
Answer = TypeVar("Answer")


def _user_agent() -> str:
    try:
        return f"howdah/{version('howdah')}"
    except PackageNotFoundError:  # run from a folder that was never installed
        return "howdah"


class Door:
    """The way to one receiver. Any number of threads may use it at once."""

    def __init__(
        self, address: str, pin: str | None, *, token: str | None = None, connections: int = 4
    ) -> None:
        """`address`: base URL. `pin`: SHA-256 of the certificate in hex; None: the authorities that
        this computer trusts, or http on loopback.

        Raises ProblemError("insecure_address") for anything else without TLS.
        """
        check_address(address, pin)
        self._transport = Transport(
            pin,
            tls=address.startswith("https:"),
            connections=connections,
            idle_seconds=KEPT_ALIVE_SECONDS,
        )
        headers = {"User-Agent": _user_agent(), "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            base_url=address + API,
            headers=headers,
            transport=self._transport,
            # Neither a proxy nor a .netrc of the environment: on plain http, which is loopback
            # alone, a proxy would be handed the token; and a proxy for https would need CONNECT,
            # which the check of the pin does not go through.
            trust_env=False,
            # A redirect could send the token, or the file, to somebody else.
            follow_redirects=False,
        )
        self._of_thread = threading.local()
        self.catalogue: str | None = None
        """Id of the receiver's catalogue, by its last answer."""
        self.change: int | None = None
        """Counter of its changes, by its last answer."""
        self.clock_ahead_seconds: float | None = None
        """Its clock against ours, by the Date of its last answer, which is cut to a second; to be shown."""

    @property
    def retry_after_seconds(self) -> float | None:
        """What the last answer to this thread said about asking again, in seconds, 300 at most."""
        return getattr(self._of_thread, "retry_after_seconds", None)

    def ask(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        *,
        params: dict[str, str | int] | None = None,
        body: bytes | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> Answer:
        """Send JSON, get a message. Raises ProblemError."""
        headers = {} if body is None else {"Content-Type": "application/json"}
        with self.open(
            method, path, params=params, content=body, headers=headers, idle_seconds=idle_seconds
        ) as response:
            if response.status_code not in (200, 201):
                raise ProblemError("answer_invalid", f"It answers {response.status_code}.")
            return self.read(response, answer)

    def read(self, response: httpx.Response, answer: type[Answer]) -> Answer:
        """The message in a response. Raises ProblemError."""
        with translated():
            body = answers.read_capped(response)
        return answers.decode(body, response.headers.get("Content-Type", ""), answer)

    def open(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str | int] | None = None,
        content: bytes | Iterable[Block] | None = None,
        headers: dict[str, str] | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> AbstractContextManager[httpx.Response]:
        """A response whose body was not read yet, and whose status is 2xx. Raises ProblemError.

        What an iterable `content` raises itself comes out as it is.
        """
        timeout = httpx.Timeout(idle_seconds, connect=CONNECT_SECONDS)
        body = _Body(content) if content is not None and not isinstance(content, bytes) else None
        with translated(body):
            request = self._client.build_request(
                method,
                path,
                params=params,
                content=content if body is None else body,  # type: ignore[arg-type]  # views are fine
                headers=headers,
                timeout=timeout,
            )
        return self._opened(request, body)

    @contextmanager
    def _opened(self, request: httpx.Request, body: _Body | None) -> Iterator[httpx.Response]:
        try:
            with translated(body):
                response = self._client.send(request, stream=True)
        finally:
            if body is not None:
                body.close()
        try:
            self._note(response.headers)
            self._check(response)
            yield response
        finally:
            # Of a body that was not read to its end, this closes the connection as well.
            response.close()

    def _check(self, response: httpx.Response) -> None:
        if response.is_redirect or 300 <= response.status_code < 400:
            where = answers.clean(response.headers.get("Location", ""), 200)
            raise ProblemError("redirect_refused", f"It names {where}." if where else "")
        answers.refuse_page(response)
        answers.refuse_encoded(response)
        if response.status_code >= 400:
            with translated():
                body = answers.read_capped(response)
            raise answers.problem_of(response.status_code, response.headers, body)
        if response.status_code not in (200, 201, 202, 204, 206):
            raise ProblemError("answer_invalid", f"It answers {response.status_code}.")

    def _note(self, headers: httpx.Headers) -> None:
        self._of_thread.retry_after_seconds = answers.retry_after_seconds(headers)
        self.clock_ahead_seconds = answers.clock_ahead_seconds(headers)
        catalogue = headers.get(CATALOGUE_HEADER)
        change = headers.get(CHANGE_HEADER, "")
        if catalogue:
            self.catalogue = answers.clean(catalogue, 100)
        if change.isascii() and change.isdigit() and len(change) < 20:
            self.change = int(change)

    def drop_connections(self) -> None:
        """Break all connections, busy ones too: their requests end as `offline` now."""
        self._transport.backend.drop()

    def unsent_bytes(self) -> int:
        """What still waits in this machine of all that is being sent."""
        return self._transport.backend.unsent_bytes()

    def close(self) -> None:
        self.drop_connections()
        self._client.close()


class _Body:
    """A streamed request body that remembers what its source raised."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = iter(blocks)
        self.raised: BaseException | None = None

    def __iter__(self) -> Iterator[Block]:
        try:
            yield from self._blocks
        except GeneratorExit:
            raise
        except BaseException as error:
            self.raised = error
            raise

    def close(self) -> None:
        """Let a generator end now, not when it is collected: it holds files open."""
        close: Callable[[], None] | None = getattr(self._blocks, "close", None)
        if close is not None:
            close()


def check_address(address: str, pin: str | None) -> None:
    """Raises ProblemError("insecure_address") where a token would cross a network in the clear."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise ProblemError("bad_link", "Its address cannot be read.") from error
    if url.scheme == "https" and url.host:
        return
    if url.scheme != "http" or pin is not None or not is_loopback(url.host):
        raise ProblemError("insecure_address", answers.clean(address, 100))


@contextmanager
def translated(body: _Body | None = None) -> Iterator[None]:
    """Foreign errors become problems; ProblemErrors, and what `body` raised itself, pass."""
    try:
        yield
    except ProblemError:
        raise
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict) as error:
        if body is not None and body.raised is error:
            raise
        raise problem_for(error) from error
    except (RuntimeError, UnicodeError) as error:
        # RuntimeError: the client was closed meanwhile. UnicodeError: a header that cannot be sent.
        if body is not None and body.raised is error:
            raise
        code = "bad_request" if isinstance(error, UnicodeError) else "interrupted"
        raise ProblemError(code, answers.clean(str(error), 200)) from error


def problem_for(error: Exception) -> ProblemError:
    """The problem that an exception of httpx stands for."""
    detail = answers.clean(str(error), 200)
    return ProblemError(_code_for(error), f"({detail})" if detail else "")


_CODES: tuple[tuple[type[Exception], str], ...] = (
    # The first that fits counts.
    (httpx.TimeoutException, "offline"),
    (httpx.NetworkError, "offline"),
    (httpx.ProxyError, "offline"),
    (httpx.LocalProtocolError, "bad_request"),
    (httpx.RemoteProtocolError, "answer_invalid"),
    (httpx.UnsupportedProtocol, "insecure_address"),
    (httpx.DecodingError, "answer_invalid"),
    (httpx.TooManyRedirects, "redirect_refused"),
    (httpx.HTTPStatusError, "answer_invalid"),
    (httpx.StreamError, "interrupted"),
    (httpx.InvalidURL, "bad_request"),
    (httpx.CookieConflict, "answer_invalid"),
)


def _code_for(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError) and _is_no_tls(error):
        return "answer_invalid"
    # h11 says all of these by the same exception, and a connection that just ended is no lie.
    ended = ("disconnected", "closed connection", "peer closed")
    if isinstance(error, httpx.RemoteProtocolError) and any(word in str(error) for word in ended):
        return "offline"
    return next((code for kind, code in _CODES if isinstance(error, kind)), "offline")


def _is_no_tls(error: BaseException | None) -> bool:
    """Whether the other side talks, but not TLS. A line that breaks in a handshake is not that."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        # Not the cause alone: httpcore raises `from None` on the way.
        error = error.__cause__ or error.__context__
    return False
