"""What Twilio does with a text from a phone: its own keywords first, then the service's webhook, then what the service answers.

Keywords are whole messages of one word, in any case (Twilio support, opt-out keywords; REVOKE and OPTOUT since 2025).
WhatsApp has none: what is written there only reaches the webhook.
"""

import asyncio
from typing import Any, Final, Literal

import phonenumbers

from paybell_sandbox.twilio import carrier, twiml
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.callbacks import Answer, delivery
from paybell_sandbox.twilio.carrier import Wanted
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import API_VERSION, Message

Keyword = Literal["STOP", "START", "HELP"]

ACTS: Final = ("lose", "double", "delay")

STOP: Final = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START: Final = frozenset({"START", "YES", "UNSTOP"})
HELP: Final = frozenset({"HELP", "INFO"})

OWN_WORDS: Final[dict[Keyword, str]] = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def keyword(text: str) -> Keyword | None:
    """``STOP``, ``START`` or ``HELP`` where the text is one of Twilio's words."""
    word = text.strip().upper()
    if word in STOP:
        return "STOP"
    if word in START:
        return "START"
    return "HELP" if word in HELP else None


async def receive(network: Network, sender: str, to: str, body: str, button: str = "") -> Message:
    """Takes a text from a phone; the webhook is called beside.

    Args:
        network: that it arrives in.
        sender: the phone's number; ``whatsapp:+…`` for WhatsApp.
        to: the business's number.
        body: the words; of a tapped button, those on it.
        button: what a tapped button stands for, as its content template says.
    """
    service = network.service_towards(sender)
    message = network.receive_message(sender=sender, to=to, body=body)
    kind = keyword(body) if message.channel == "sms" else None
    if kind is not None:
        _apply(network, kind, sender, {plain_number(to), *([service] if service else [])})
        _reply(network, message, OWN_WORDS[kind])
    if network.sandbox.settings.twilio_inbound_url:
        network.under_way(_post(network, message, service, kind, button))
    return message


def _apply(network: Network, kind: Keyword, sender: str, senders: set[str]) -> None:
    pairs = {(plain_number(sender), one) for one in senders}
    if kind == "STOP":
        network.opted_out |= pairs
    elif kind == "START":
        network.opted_out -= pairs


def _reply(network: Network, message: Message, words: str) -> None:
    carrier.take(
        network,
        Wanted(
            account_sid=message.account_sid,
            to=message.from_ or "",
            sender=message.to,
            service=None,
            body=words,
            direction="outbound-reply",
        ),
    )


async def _post(
    network: Network, message: Message, service: str | None, kind: Keyword | None, button: str = ""
) -> None:
    sandbox = network.sandbox
    rule = sandbox.faults.pick("twilio", "inbound", plain_number(message.from_ or ""), ACTS)
    act = rule.act if rule is not None else None
    if rule is not None:
        sandbox.publish("fault", {"side": "twilio", "operation": "inbound", "act": rule.act})
    if act == "lose":
        return
    if rule is not None and act == "delay":
        await asyncio.sleep(sandbox.waiting(rule.seconds))
    form = _form(network, message, service, kind)
    if button:
        form |= {"ButtonText": message.said, "ButtonPayload": button}
    url = sandbox.settings.twilio_inbound_url
    for _ in range(2 if act == "double" else 1):
        answer = await network.callbacks.post(url, form)
        line = delivery(url, answer, "inbound", network.business().isoformat())
        message.deliveries.append(line)
        words = _words(network, message, answer, line)
        network.announce(message)
        for text in words:
            if (plain_number(message.from_ or ""), plain_number(message.to)) in network.opted_out:
                network.wrong(line, "somebody who has opted out was answered", sid=message.sid)
            else:
                _reply(network, message, text)


def _form(network: Network, message: Message, service: str | None, kind: Keyword | None) -> dict[str, str]:
    """What the webhook is told (twilio.com/docs/messaging/guides/webhook-request)."""
    form = {
        "MessageSid": message.sid, "SmsSid": message.sid, "SmsMessageSid": message.sid, "AccountSid": message.account_sid,
        "From": message.from_ or "", "To": message.to, "Body": message.said, "NumMedia": "0",
        "NumSegments": str(message.num_segments), "SmsStatus": "received", "ApiVersion": API_VERSION,
    }  # fmt: skip
    for end, address in (("From", message.from_ or ""), ("To", message.to)):
        form |= {f"{end}Country": _country(address), f"{end}State": "", f"{end}City": "", f"{end}Zip": ""}
    if service is not None:
        form["MessagingServiceSid"] = service
        if kind is not None and network.sandbox.settings.twilio_advanced_opt_out:
            form["OptOutType"] = kind
    if message.channel == "whatsapp":
        form |= {"ProfileName": "Sandbox", "WaId": plain_number(message.from_ or "").lstrip("+")}
    return form


def _country(address: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(plain_number(address))) or ""
    except phonenumbers.NumberParseException:
        return ""


def _words(network: Network, message: Message, answer: Answer, line: dict[str, Any]) -> tuple[str, ...]:
    """The texts that the service's answer sends, as Twilio reads it."""
    if answer.is_plain_words:
        network.wrong(
            line, "a reply was answered with text/plain, which is sent to the person as it is", sid=message.sid
        )
        return (answer.body.strip(),)
    if not answer.is_document:
        return ()
    try:
        return twiml.messages(answer.body)
    except twiml.BrokenTwimlError:
        network.wrong(line, "a reply was answered with XML that is no TwiML", sid=message.sid)
        return ()
