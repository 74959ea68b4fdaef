"""Status callbacks of a message or call: each is posted, or lost, doubled, late or behind the next, as the faults say."""

import asyncio
from typing import Final

from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.callbacks import delivery
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import Call, Message, Report

ACTS: Final = ("lose", "double", "delay", "reorder")


def send(network: Network, thing: Message | Call, what: str, form: dict[str, str]) -> asyncio.Task[None] | None:
    """Posts a status beside, to the address that the create call named; None where nothing is posted by now."""
    if not thing.status_callback:
        return None
    sandbox = network.sandbox
    rule = sandbox.faults.pick("twilio", "callback", plain_number(thing.to), ACTS)
    if rule is not None:
        sandbox.publish("fault", {"side": "twilio", "operation": "callback", "act": rule.act})
    report, act = Report(what, form), rule.act if rule is not None else None
    if act == "lose":
        return None
    if act == "reorder":
        thing.held.append(report)
        return None
    if rule is not None and act == "delay":
        return network.under_way(_post(network, thing, [report], rule.seconds))
    if act == "double":
        network.under_way(_post(network, thing, [report]))
    turn, thing.held = [report, *thing.held], []
    return network.under_way(_post(network, thing, turn))


def flush(network: Network, thing: Message | Call) -> None:
    """Posts what was held back for a status that did not come."""
    if thing.held:
        turn, thing.held = thing.held, []
        network.under_way(_post(network, thing, turn))


async def _post(network: Network, thing: Message | Call, turn: list[Report], seconds: float = 0.0) -> None:
    """Posts one after the other, each when the one before was answered."""
    await asyncio.sleep(network.sandbox.waiting(seconds))
    for report in turn:
        got = await network.callbacks.post(thing.status_callback, report.form)
        line = delivery(thing.status_callback, got, report.what, network.business().isoformat())
        if got.is_plain_words:
            network.wrong(line, "a status callback was answered with text/plain", sid=thing.sid)
        thing.deliveries.append(line)
        network.announce(thing)
