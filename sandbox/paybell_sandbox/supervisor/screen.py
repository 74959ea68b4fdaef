"""What a run says: a few lines, each of use to somebody who sees Paybell for the first time."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from paybell_sandbox.supervisor.listeners import url
from paybell_sandbox.supervisor.mode import RealVendors

LEFT = 2


class Screen:
    """The terminal of a run. Without a terminal the same lines come plain, without the moving parts."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def title(self) -> None:
        self._say("")
        self._say("[bold]Paybell[/bold]")
        self._say("")

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Shows that something is being done, then that it is and how long it took."""
        began = time.monotonic()
        with self._console.status(f"{doing} …", spinner="dots"):
            yield
        line = Table.grid(padding=(0, 1))
        line.add_column(width=1)
        line.add_column(width=46)
        line.add_column(justify="right", width=7)
        line.add_row("[green]✓[/green]", done, f"[dim]{time.monotonic() - began:.1f} s[/dim]")
        self._console.print(Padding(line, (0, 0, 0, LEFT), expand=False))

    def playing(self, address: str, logs: Path, *, webhooks: bool) -> None:
        """Everything is up and the sandbox plays the vendors."""
        self._say("")
        self._say(f"Open  [bold link={address}]{address}[/]")
        self._say("")
        self._say("Stripe, Twilio and the phone are played on this machine. Nothing leaves it, nothing is kept.")
        if not webhooks:
            self._say("Webhooks are off: both services ask the vendors for news, as behind a router.")
        self._end(logs)

    def real(
        self,
        mode: RealVendors,
        settings: Mapping[str, str],
        listeners: Mapping[str, str],
        state: Path | None,
        logs: Path,
    ) -> None:
        """Everything is up and talks to the real vendors. `state` is where data is kept, if not in databases of their own."""
        self._say("")
        match mode.live:
            case True:
                self._say("[bold red]These are live keys: real customers are written to, and every message costs.[/]")
            case False:
                self._say("[bold]The real Stripe in test mode, and the real Twilio: texts are sent, and they cost.[/]")
            case None:
                self._say("[bold]The real Stripe and the real Twilio: texts are sent, and they cost.[/]")
        self._say("")
        table = Table.grid(padding=(0, 2))
        for name, what in (
            ("Stripe", stripe_line(mode, settings, listeners)),
            ("Twilio", twilio_line(mode, settings, listeners)),
            ("Data", f"kept in {state}; Paybell must remember whom it wrote to" if state else "in your own databases"),
        ):
            table.add_row(f"[dim]{name}[/dim]", Text(what))
        self._console.print(Padding(table, (0, 0, 0, LEFT), expand=False))
        self._say("")
        self._end(logs)

    def incomplete(self, problems: Sequence[str], env_file: Path) -> None:
        """`.env` holds some keys and not others."""
        self._say("")
        self._say(f"[bold]{env_file}[/bold] holds some keys, but not all that are needed to talk to Stripe and Twilio:")
        self._say("")
        for problem in problems:
            self._text(f"• {problem}", LEFT, "")
        self._say("")
        self._say("Add what is missing, or take the keys out to try Paybell with played vendors.")
        self._say("")

    def failed(self, what: str, words: Sequence[str]) -> None:
        """Something died or would not start: which, and its last words."""
        self._say("")
        self._text(what, LEFT, "bold red")
        for word in words:
            self._text(word, LEFT + 2, "dim")
        self._say("")

    def stopped_after_failure(self, logs: Path) -> None:
        """Nothing runs any more; the logs stay."""
        self._say(f"Everything else is stopped. All logs stay in {logs}")
        self._say("")

    def stopping(self) -> None:
        self._say("")
        self._say("Stopping …")

    def stopped(self) -> None:
        self._say("Everything is stopped.")
        self._say("")

    def _end(self, logs: Path) -> None:
        self._say(f"[dim]Logs until the end: {logs}[/dim]")
        self._say("[dim]Ctrl-C stops everything.[/dim]")
        self._say("")

    def _text(self, text: str, left: int, style: str) -> None:
        """Words of somebody else's: printed as they are."""
        for line in text.splitlines():
            self._console.print(Text(" " * left + line, style=style), soft_wrap=True)

    def _say(self, markup: str) -> None:
        self._console.print(" " * LEFT + markup if markup else "", soft_wrap=True)


def stripe_line(mode: RealVendors, settings: Mapping[str, str], listeners: Mapping[str, str]) -> str:
    """How events reach us."""
    if mode.stripe_webhooks:
        return (
            f"posts events to {settings['INGEST_PUBLIC_URL'].rstrip('/')}/webhooks/stripe, "
            f"which must lead to {url(listeners['INGEST_HTTP_LISTEN'])}"
        )
    return "is asked for events (there is no INGEST_PUBLIC_URL in .env)"


def twilio_line(mode: RealVendors, settings: Mapping[str, str], listeners: Mapping[str, str]) -> str:
    """How receipts and replies reach us."""
    if mode.twilio_webhooks:
        return (
            f"posts receipts and replies to {settings['NOTIFY_PUBLIC_URL'].rstrip('/')}/webhooks/twilio/…, "
            f"which must lead to {url(listeners['NOTIFY_HTTP_LISTEN'])}"
        )
    return "is asked for receipts and replies (there is no NOTIFY_PUBLIC_URL in .env)"
