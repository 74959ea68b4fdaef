"""What Prometheus reads. Names begin with ``notify_``; no label ever holds a number, a name or a text."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The meters of a process."""

    def __init__(self) -> None:
        """All at zero."""
        self.registry = CollectorRegistry()
        self.submitted = Counter(
            "notify_submitted_total", "Requests by result", ["account_id", "result", "reason"], registry=self.registry
        )
        self.events = Counter(
            "notify_delivery_events_total",
            "What happened in delivery, by name",
            ["account_id", "event", "detail"],
            registry=self.registry,
        )
        self.named = {
            "receipt": Counter(
                "notify_receipts_total",
                "What Twilio told of messages, by status and error code",
                ["account_id", "status", "code"],
                registry=self.registry,
            ),
            "ended": Counter(
                "notify_ended_total",
                "Messages that came to an end, or were handed back, after they had been queued",
                ["account_id", "state", "code"],
                registry=self.registry,
            ),
            "challenge": Counter(
                "notify_challenges_decided_total",
                "Questions that were decided, by answer and how sure it is",
                ["account_id", "answer", "strength"],
                registry=self.registry,
            ),
            "reply": Counter(
                "notify_replies_total",
                "Replies by what they were taken as: stop, start, help, other",
                ["account_id", "meaning"],
                registry=self.registry,
            ),
        }
        self.webhooks = Counter(
            "notify_webhook_problems_total",
            "Webhooks that were refused or unusable",
            ["problem"],
            registry=self.registry,
        )
        self.rpcs = Histogram(
            "notify_rpc_seconds", "Time to answer a call", ["method", "code"], buckets=SECONDS, registry=self.registry
        )
        self.loop_lag = Gauge("notify_loop_lag_seconds", "By how much the event loop is late", registry=self.registry)
        self.waiting = Gauge("notify_waiting", "Notifications by state that somebody must act on", ["account_id", "state"],
                             registry=self.registry)  # fmt: skip
        self.replies_waiting = Gauge(
            "notify_replies_waiting",
            "Replies that are not handled: received, undated (a START that met a STOP), set_aside",
            ["account_id", "state"],
            registry=self.registry,
        )
        self.challenges_open = Gauge(
            "notify_challenges_open", "Questions that are not decided", ["account_id"], registry=self.registry
        )
        self.oldest = Gauge("notify_oldest_due_seconds", "How long the oldest due notification waits", ["account_id", "lane"],
                            registry=self.registry)  # fmt: skip
        self.halted = Gauge(
            "notify_halted",
            "1 while an account (sender empty) or one of its senders does not send, and why",
            ["account_id", "sender", "cause"],
            registry=self.registry,
        )

    def count(self, event: str, labels: Mapping[str, str], by: int) -> None:
        """Counts something that delivery or replies name: in a meter of its own, or among the events of delivery."""
        account = labels.get("account", labels.get("account_id", ""))
        rest = {name: value for name, value in labels.items() if name not in {"account_id", "account"}}
        if event in self.named:
            self.named[event].labels(account_id=account, **rest).inc(by)
        else:
            detail = ",".join(f"{name}={value}" for name, value in sorted(rest.items()))
            self.events.labels(account, event, detail).inc(by)

    @contextmanager
    def timed(self, method: str) -> Iterator[list[str]]:
        """Times a call; the block puts the status code's name into the list."""
        code = ["OK"]
        before = time.monotonic()
        try:
            yield code
        finally:
            self.rpcs.labels(method, code[-1]).observe(time.monotonic() - before)

    def text(self) -> bytes:
        """For a scrape."""
        return generate_latest(self.registry)
