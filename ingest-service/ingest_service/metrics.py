"""What Prometheus reads. Names begin with ``ingest_``; no label ever holds a number, a name or a text."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, generate_latest

from ingest_service.inbox.lanes import HANDLED


class Metrics:
    """The meters of a process."""

    def __init__(self) -> None:
        """All at zero."""
        self.registry = CollectorRegistry()
        self.webhooks = Counter(
            "ingest_webhooks_total", "Webhooks by answer", ["account_id", "status", "type"], registry=self.registry
        )
        self.events = Counter(
            "ingest_events_total", "Events by what became of them", ["account_id", "state"], registry=self.registry
        )
        self.facts = Counter(
            "ingest_facts_total", "Facts by kind and state", ["account_id", "kind", "state"], registry=self.registry
        )
        self.stripe_reads = Counter("ingest_stripe_reads_total", "Reads of Stripe", ["account_id", "endpoint", "result"],
                                    registry=self.registry)  # fmt: skip
        self.scan_pages = Counter(
            "ingest_scan_pages_total",
            "Pages that scheduled scans read",
            ["account_id", "scan", "result"],
            registry=self.registry,
        )
        self.polls = Counter(
            "ingest_polls_total", "Turns of polling by how they ended", ["account_id", "end"], registry=self.registry
        )
        self.payment_links = Counter("ingest_payment_links_total", "Payment links by how they were answered",
                                     ["account_id", "method", "answer"], registry=self.registry)  # fmt: skip
        self.loop_lag = Gauge("ingest_loop_lag_seconds", "By how much the event loop is late", registry=self.registry)
        self.waiting = Gauge(
            "ingest_waiting", "Rows that wait, by queue", ["account_id", "queue"], registry=self.registry
        )
        self.oldest = Gauge("ingest_oldest_seconds", "Age of the oldest row that waits, by queue", ["account_id", "queue"],
                            registry=self.registry)  # fmt: skip
        self.set_aside = Gauge(
            "ingest_set_aside", "Events that wait for a person", ["account_id"], registry=self.registry
        )

    def webhook(self, account_id: str, status: str, event_type: str) -> None:
        """Counts an answer; types that nobody handles share a label."""
        self.webhooks.labels(account_id, status, event_type if event_type in HANDLED else "other").inc()

    def text(self) -> bytes:
        """For a scrape."""
        return generate_latest(self.registry) + generate_latest(REGISTRY)
