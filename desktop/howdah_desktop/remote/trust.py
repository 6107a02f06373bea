"""Which connections may carry a token: TLS by a certificate that counts, or none that leaves here.

A receiver makes its own certificate, which no authority signs. The pairing link says its SHA-256,
and a connection counts only if the certificate shown in its handshake has exactly that. Where a
link names no certificate (`tls=1`: the receiver has one of a public authority, or a proxy before it
has), it counts by the rules of browsers: for that name, and vouched for by an authority that this
computer trusts.

The check stands in the one place where connections come into being, between the handshake and the
first byte of a request, so that no request, and no token in it, can leave on a connection that was
not checked: there is no session cache and no second way.

The same place watches for answers that come before a request was sent to its end (401, 409, 507): a
receiver that has stopped reading would otherwise be taken for a dead line.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from howdah_common.problems import ProblemError
from howdah_desktop import system

READ_BYTES = 64 * 1024
_INTERIM = b"HTTP/1.1 1"
"""How a 1xx answer begins. It decides nothing: the body is still wanted (RFC 9110, 15.2)."""

SocketOptions = Iterable[Any]


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER, 64 hex digits."""
    return hashlib.sha256(certificate).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer that takes any certificate: `PinnedBackend` compares it with the pin."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Neither an authority nor a name vouches for the receiver: the pin does, more strictly than
    # both.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def authorities_context() -> ssl.SSLContext:
    """TLS 1.2 or newer that takes what this computer's authorities vouch for, for the name asked for.

    SSL_CERT_FILE and SSL_CERT_DIR name other authorities, as for most programs.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.get_ca_certs()):
        # A Python that brings no way to the system's (those for macOS): the list that httpx brings.
        import certifi

        context.load_verify_locations(certifi.where())
    return context


class Transport(httpx.HTTPTransport):
    """httpx over connections that `PinnedBackend` has checked."""

    def __init__(
        self, pin: str | None, *, tls: bool, connections: int, idle_seconds: float
    ) -> None:
        """`pin`: the certificate's SHA-256 in hex; None: with `tls` the authorities vouch for it, else
        plain http, inside this machine only."""
        context = authorities_context() if tls and pin is None else tls_context()
        super().__init__(verify=context, trust_env=False)
        self.backend = PinnedBackend(pin, tls=tls)
        # httpx has no parameter for the network backend of its pool; a test holds this in place.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=idle_seconds,
            http2=False,
            network_backend=self.backend,
        )


class PinnedBackend(httpcore.NetworkBackend):
    """Opens connections; gives out only those that may carry a token."""

    def __init__(self, pin: str | None, *, tls: bool) -> None:
        self._pin = pin
        self._tls = tls
        self._lock = threading.Lock()
        self._streams: weakref.WeakSet[CheckedStream] = weakref.WeakSet()  # guarded by the lock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Raises ProblemError("insecure_address"), ConnectError or ConnectTimeout of httpcore."""
        try:
            sock = socket.create_connection((host, port), timeout)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a host that is no name
            raise httpcore.ConnectError(str(error)) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Asked of the socket, as a resolver may have its own idea of "localhost".
            if not self._tls and not is_loopback(sock.getpeername()[0]):
                raise ProblemError("insecure_address", f"{host} is not this machine.")
        except OSError as error:
            sock.close()
            raise httpcore.ConnectError(str(error)) from error
        except ProblemError:
            sock.close()
            raise
        return self._track(CheckedStream(sock, self))

    def start_tls(
        self, sock: socket.socket, context: ssl.SSLContext, host: str | None, timeout: float | None
    ) -> CheckedStream:
        """Raises ProblemError("certificate_changed" or "certificate_untrusted") before a byte of a
        request is sent."""
        try:
            sock.settimeout(timeout)
            secured = context.wrap_socket(sock, server_hostname=host)
        except TimeoutError as error:
            sock.close()
            raise httpcore.ConnectTimeout(str(error)) from error
        except ssl.SSLCertVerificationError as error:
            sock.close()
            raise ProblemError(
                "certificate_untrusted", f"({error.verify_message.rstrip('.')}.)"
            ) from error
        except (OSError, ValueError) as error:
            sock.close()
            raise httpcore.ConnectError(str(error)) from error
        self._check_pin(secured, context)
        return self._track(CheckedStream(secured, self))

    def _check_pin(self, secured: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        if self._pin is None and context.verify_mode is ssl.CERT_REQUIRED:
            return  # checked in the handshake, with the name
        shown = fingerprint(secured.getpeercert(binary_form=True) or b"")
        if self._pin is None or not hmac.compare_digest(shown, self._pin):
            secured.close()
            raise ProblemError(
                "certificate_changed",
                f"It shows sha256:{shown}; sha256:{self._pin} was paired with.",
                {"shown": shown, "pinned": self._pin},
            )

    def drop(self) -> None:
        """Break every connection: whoever waits on one gets an error now instead of a time-out."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.break_off()

    def unsent_bytes(self) -> int:
        """What was to be sent and has not reached the other side's kernel, over all connections."""
        with self._lock:
            streams = list(self._streams)
        return sum(stream.unsent_bytes for stream in streams)

    def _track(self, stream: CheckedStream) -> CheckedStream:
        with self._lock:
            self._streams.add(stream)
        return stream


class CheckedStream(httpcore.NetworkStream):
    """One connection. Time-outs are seconds without a byte, not seconds in all."""

    def __init__(self, sock: socket.socket, backend: PinnedBackend) -> None:
        self._sock = sock
        self._backend = backend
        self._early = b""
        """What arrived while a request was still being sent."""
        self._to_write = 0
        """Bytes that `write` has not brought into the socket yet."""

    @property
    def unsent_bytes(self) -> int:
        """Over TLS a little more than is ours."""
        return self._to_write + system.unacknowledged_bytes(self._sock)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._early:
            data, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return data
        try:
            self._sock.settimeout(timeout)
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, unless an answer comes first: then httpcore.WriteError.

        httpcore takes a WriteError as "look for an answer", and does not use the connection again.
        """
        view = memoryview(buffer)
        try:
            self._sock.settimeout(0)
            while view:
                self._to_write = len(view)
                readable = self._wait(timeout)
                if readable and self._answered():
                    raise httpcore.WriteError("the receiver answered before the request ended")
                try:
                    view = view[self._sock.send(view) :]
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    continue
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error
        finally:
            self._to_write = 0

    def close(self) -> None:
        self.break_off()
        self._sock.close()

    def break_off(self) -> None:
        """End the connection under whoever uses it."""
        try:
            # Not SSLSocket.shutdown: that one forgets the encryption first, and a thread that is
            # just writing would go on in the clear.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended already

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return self._backend.start_tls(self._sock, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "is_readable":  # of an idle connection: it was closed, or is of no use any more
            return bool(self._early) or _ready(self._sock, write=False, seconds=0)[0]
        if info == "socket":
            return self._sock
        return None

    def _wait(self, timeout: float | None) -> bool:
        """Until something can be sent or read: whether it can be read. Raises TimeoutError."""
        readable, writable = _ready(self._sock, write=True, seconds=timeout)
        if not readable and not writable:
            raise TimeoutError(f"nothing could be sent for {timeout} s")
        return readable

    def _answered(self) -> bool:
        """Whether what can be read is an answer, or the end, and not TLS's own (tickets)."""
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        self._early += data
        interim = self._early.startswith(_INTERIM[: len(self._early)])
        return not data or not interim or len(self._early) > READ_BYTES


def _ready(sock: socket.socket, *, write: bool, seconds: float | None) -> tuple[bool, bool]:
    """Whether `sock` can be read, and written to; waits for either up to `seconds`."""
    if sock.fileno() < 0:
        raise OSError("the connection is closed")
    if not hasattr(select, "poll"):  # Windows, where select takes sockets of any number
        read, written, _ = select.select([sock], [sock] if write else [], [], seconds)
        return bool(read), bool(written)
    poll = select.poll()
    poll.register(sock, select.POLLIN | (select.POLLOUT if write else 0))
    found = poll.poll(None if seconds is None else seconds * 1000)
    events = found[0][1] if found else 0
    ended = select.POLLERR | select.POLLHUP | select.POLLNVAL
    return bool(events & (select.POLLIN | ended)), bool(events & (select.POLLOUT | ended))
