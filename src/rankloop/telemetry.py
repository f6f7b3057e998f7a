"""Logging, metrics and request ids: what operators see of a running process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of latency histograms, in seconds."""

FieldValue = str | int | float | bool | None
Labels = tuple[tuple[str, str], ...]


def make_request_id() -> str:
    """Make an id for one request.

    Example:
        >>> make_request_id()[:4], len(make_request_id())
        ('req_', 20)
    """
    return f"req_{os.urandom(8).hex()}"


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send this package's events to a stream, one per line.

    Args:
        level: Lowest level that is written: DEBUG, INFO, WARNING or ERROR.
        stream: Where to write; standard error when left out.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_LineFormatter())
    root = logging.getLogger("rankloop")
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False


def log_event(
    logger: logging.Logger, event: str, level: int = logging.INFO, **fields: FieldValue
) -> None:
    """Write one event: what happened, in the past tense, and its fields.

    Fields carry their unit in their name, and never query text, user ids, document text or keys.

    Example:
        >>> log_event(logging.getLogger("rankloop.capture"), "batch_accepted", n_events=97)
    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s", format_event(event, fields))


def format_event(event: str, fields: dict[str, FieldValue]) -> str:
    """Write an event and its fields as one line.

    Example:
        >>> format_event("batch_accepted", {"n_events": 97, "took_ms": 4.125, "why": "a b"})
        'batch_accepted n_events=97 took_ms=4.125 why="a b"'
    """
    return " ".join([event, *(f"{name}={_format_value(value)}" for name, value in fields.items())])


def _format_value(value: FieldValue) -> str:
    """Write a value so that it stays one word, or is quoted."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if text and text.isprintable() and not set(text) & set(' "='):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class _LineFormatter(logging.Formatter):
    """Time, level, room, event; a traceback follows where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{at} {record.levelname.lower()} {record.name} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class Counter:
    """A count that only rises, one per set of labels."""

    def __init__(self, name: str, help_text: str) -> None:
        self.name = name
        self.help_text = help_text
        self._values: dict[Labels, float] = {}
        self._lock = threading.Lock()

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Raise the count of these labels."""
        key = tuple(labels.items())
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + amount

    def value(self, **labels: str) -> float:
        """Read the count of these labels, 0 where nothing was counted."""
        return self._values.get(tuple(labels.items()), 0.0)

    def lines(self) -> Iterator[str]:
        """Write the samples in the Prometheus text format."""
        yield f"# HELP {self.name} {self.help_text}"
        yield f"# TYPE {self.name} counter"
        for labels, value in list(self._values.items()):
            yield f"{self.name}{_format_labels(labels)} {_format_number(value)}"


class Gauge:
    """A number that is read when somebody looks."""

    def __init__(self, name: str, help_text: str) -> None:
        self.name = name
        self.help_text = help_text
        self._value = 0.0

    def set(self, value: float) -> None:
        """Set the number."""
        self._value = value

    def lines(self) -> Iterator[str]:
        """Write the sample in the Prometheus text format."""
        yield f"# HELP {self.name} {self.help_text}"
        yield f"# TYPE {self.name} gauge"
        yield f"{self.name} {_format_number(self._value)}"


class Histogram:
    """How a measure is spread, in buckets, one set of buckets per set of labels."""

    def __init__(
        self, name: str, help_text: str, bounds: Sequence[float] = LATENCY_BUCKETS_S
    ) -> None:
        self.name = name
        self.help_text = help_text
        self._bounds = tuple(bounds)
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}
        self._lock = threading.Lock()

    def observe(self, value: float, **labels: str) -> None:
        """Count one value."""
        key = tuple(labels.items())
        with self._lock:
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = [0] * (len(self._bounds) + 1)
                self._sums[key] = 0.0
            counts[bisect_left(self._bounds, value)] += 1
            self._sums[key] += value

    def lines(self) -> Iterator[str]:
        """Write the samples in the Prometheus text format."""
        yield f"# HELP {self.name} {self.help_text}"
        yield f"# TYPE {self.name} histogram"
        for labels, counts in list(self._counts.items()):
            total = 0
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                total += count
                limit = "+Inf" if bound == float("inf") else f"{bound:g}"
                yield f"{self.name}_bucket{_format_labels((*labels, ('le', limit)))} {total}"
            yield f"{self.name}_sum{_format_labels(labels)} {_format_number(self._sums[labels])}"
            yield f"{self.name}_count{_format_labels(labels)} {total}"


class Metrics:
    """Every metric of one process, by name; asking twice gives the same one.

    Names are `rankloop_<room>_<what>_<unit>`; labels have few values and never ids.

    Example:
        >>> metrics = Metrics()
        >>> metrics.counter("rankloop_capture_events_total", "Events taken.").add(3)
        >>> print(metrics.to_text(), end="")
        # HELP rankloop_capture_events_total Events taken.
        # TYPE rankloop_capture_events_total counter
        rankloop_capture_events_total 3
    """

    def __init__(self) -> None:
        self._known: dict[str, Counter | Gauge | Histogram] = {}

    def counter(self, name: str, help_text: str) -> Counter:
        """Return the counter of this name, made on first use."""
        metric = self._known.setdefault(name, Counter(name, help_text))
        if not isinstance(metric, Counter):
            raise TypeError(f"{name} is not a counter")
        return metric

    def gauge(self, name: str, help_text: str) -> Gauge:
        """Return the gauge of this name, made on first use."""
        metric = self._known.setdefault(name, Gauge(name, help_text))
        if not isinstance(metric, Gauge):
            raise TypeError(f"{name} is not a gauge")
        return metric

    def histogram(self, name: str, help_text: str) -> Histogram:
        """Return the histogram of this name, made on first use."""
        metric = self._known.setdefault(name, Histogram(name, help_text))
        if not isinstance(metric, Histogram):
            raise TypeError(f"{name} is not a histogram")
        return metric

    def to_text(self) -> str:
        """Write every metric in the Prometheus text format."""
        return "".join(
            f"{line}\n" for metric in list(self._known.values()) for line in metric.lines()
        )


def _format_number(value: float) -> str:
    """Write a number whole: every digit counts in a counter."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _format_labels(labels: Labels) -> str:
    """Write labels as `{name="value"}`, nothing where there are none."""
    if not labels:
        return ""
    quoted = (
        name + '="' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        for name, value in labels
    )
    return "{" + ",".join(quoted) + "}"
