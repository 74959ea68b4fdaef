"""`compose/stack up|down|logs|why|run [ARGUMENT…]`: the compose stack, with the keys in .env or else with the sandbox.

up    builds and starts everything, and waits until it is healthy
down  takes all of it down, whatever .env says today; its data stays (-v removes that too)
logs  shows what it says (-f follows)
why   tells what became of an event, an object of Stripe's, a concern, a request or a Twilio SID
run   passes anything else on to Compose
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from paybell_sandbox.stack import telling
from paybell_sandbox.stack.engine import Compose, NoEngineError, find
from paybell_sandbox.stack.telling import CannotStartError, Told

ROOT = Path(__file__).resolve().parents[3]
HEALTHY_SECONDS = 180.0
LOG = "compose.log"
WHY = ("exec", "-T", "ingest-service", "ingest-service", "why")
"""The command of Compose that asks ingest-service."""


def say(line: str = "") -> None:
    """A line for whoever started it."""
    sys.stdout.write(f"  {line}\n" if line else "\n")
    sys.stdout.flush()


def up() -> int:
    """Brings up what `.env` says."""
    told = telling.for_bringing_up(ROOT, os.environ)
    compose = find(ROOT, told.environment)
    say()
    say(f"Paybell, with {'a sandbox that plays Stripe and Twilio' if told.played else 'the real Stripe and Twilio'}")
    if told.left_out:
        say(f"Left out: {', '.join(told.left_out)} of .env, which the stack decides itself or does not know")
    say()
    with (ROOT / LOG).open("wb") as log:
        if not told.played:  # one of an earlier start would go on playing to nobody
            compose.run("rm", "--stop", "--force", "sandbox", output=log)
        code = compose.run("up", "--build", "--detach", "--quiet-pull", sandbox=told.played, output=log)
    if code != 0:
        last = (ROOT / LOG).read_text(errors="replace").splitlines()[-40:]
        return _failed("\n".join([*last, f"The stack did not come up; all of it stands in {LOG}."]))
    services = ["ingest-service", "notify-service", "postgres", *(["sandbox"] if told.played else [])]
    until = time.monotonic() + HEALTHY_SECONDS
    for service in services:
        while compose.health(service) != "healthy":
            if time.monotonic() > until:
                compose.run("logs", "--tail", "30", service)
                return _failed(f"{service} did not become healthy; its last words stand above.")
            time.sleep(1)
        say(f"✓ {service}")
    _say_where(told)
    return 0


def _say_where(told: Told) -> None:
    def at(port: str, usual: int) -> str:
        return f"http://127.0.0.1:{told.environment.get(port) or usual}"

    say()
    if told.played:
        say(f"Open      {at('SANDBOX_PORT', 8070)}")
    say(f"Stripe    POST {at('INGEST_PORT', 8080)}/webhooks/stripe")
    say(f"Twilio    POST {at('NOTIFY_PORT', 8081)}/webhooks/twilio/inbound")
    say("One text  make smoke")
    say("Logs      compose/stack logs -f")
    say("Down      make down")
    say()


def _failed(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


def _existing() -> Compose:
    return find(ROOT, telling.for_anything_else(ROOT, os.environ))


def main(arguments: Sequence[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        "compose/stack", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=("up", "down", "logs", "why", "run"))
    parser.add_argument("more", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    given = parser.parse_args(arguments)
    try:
        match given.command:
            case "up":
                return up()
            case "down":
                return _existing().run("down", "--remove-orphans", *given.more)
            case "logs":
                return _existing().run("logs", *given.more)
            case "why":
                return _existing().run(*WHY, *given.more)
            case _:
                told = telling.for_bringing_up(ROOT, os.environ)
                return find(ROOT, told.environment).run(*given.more, sandbox=told.played)
    except (CannotStartError, NoEngineError) as problem:
        return _failed(str(problem))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
