"""What Prometheus asks for. Labels are few and known: templates of routes, and never a path, a name or an id.

What is counted per request costs some 2 microseconds, with what the gate does for it 4 (measured; a test
holds it below 20). Everything else is looked up when somebody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_LATEST
LAG_SECONDS = 1.0
_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
NOWHERE = "none"
"""In place of a template: refused before it came to a route, or there is no such route."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure that is looked up when somebody asks for it. May look at the disk."""

    name: str
    says: str
    look: Callable[[], float]
    counts: bool = False
    """It only ever grows."""

    def family(self) -> CounterMetricFamily | GaugeMetricFamily:
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        return kind(self.name, self.says)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    route: str
    method: str
    status: int
    seconds: float
    bytes_in: int
    bytes_out: int
    problem: str | None


class Metrics:
    """One registry of our own: what libraries count in prometheus_client's global one is not ours to tell."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "howdah_requests", "Requests answered.", ("route", "method", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "howdah_request_seconds", "From a request's head to the end of its answer.",
            ("route", "method"), buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._problems = Counter(
            "howdah_problems", "Answers that tell of a problem, by its code.", ("code",),
            registry=self._registry,
        )  # fmt: skip
        self._bytes_in = self._counter("howdah_received_bytes", "Bytes of bodies that came in.")
        self._bytes_out = self._counter("howdah_sent_bytes", "Bytes of bodies that went out.")
        self._chunk_bytes = self._counter(
            "howdah_chunk_bytes", "Bytes of chunks that came to count."
        )
        # Looking a child up by its labels costs more than counting.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._lag = 0.0

    def _counter(self, name: str, says: str) -> Counter:
        return Counter(name, says, registry=self._registry)

    def watch(self, gauges: Iterable[Gauge]) -> None:
        """Also tell these."""
        self._registry.register(_Gauges((*gauges, Gauge(
            "howdah_event_loop_lag_seconds",
            "How much too late the event loop came back, at most, since somebody last asked.",
            self._take_lag,
        ))))  # fmt: skip

    # -- what is counted

    def note(self, exchange: Exchange) -> None:
        """From the event loop."""
        method = exchange.method if exchange.method in _METHODS else "other"
        key = (exchange.route, method, exchange.status // 100)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = (
                self._requests.labels(exchange.route, method, f"{key[2]}xx"),
                self._seconds.labels(exchange.route, method),
            )
        child[0].inc()
        child[1].observe(exchange.seconds)
        if exchange.bytes_in:
            self._bytes_in.inc(exchange.bytes_in)
        if exchange.bytes_out:
            self._bytes_out.inc(exchange.bytes_out)
        if exchange.problem is not None:
            self._problems.labels(exchange.problem).inc()

    def note_chunks(self, count: int) -> None:
        """So many bytes of chunks came to count. From any thread."""
        self._chunk_bytes.inc(count)

    async def watch_loop(self) -> None:
        """How late the event loop is. Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(LAG_SECONDS)
            self._lag = max(self._lag, loop.time() - before - LAG_SECONDS)

    def _take_lag(self) -> float:
        lag, self._lag = self._lag, 0.0
        return lag

    # -- what is told

    def text(self) -> bytes:
        """As Prometheus reads it. Looks at disk and catalogue: to be called in a thread."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = tuple(gauges)

    def describe(self) -> Iterable[Metric]:
        return [gauge.family() for gauge in self._gauges]

    def collect(self) -> Iterable[Metric]:
        for gauge in self._gauges:
            family = gauge.family()
            family.add_metric([], gauge.look())
            yield family
