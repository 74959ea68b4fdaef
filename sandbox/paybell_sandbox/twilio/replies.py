"""What Twilio does with a text from a phone: its own keywords first, then the service's webhook, then what the service answers.

Keywords are whole messages of one word, in any case (Twilio support, opt-out keywords; REVOKE and OPTOUT since 2025).
"""

from xml.etree import ElementTree

from paybell_sandbox.twilio.callbacks import delivery
from paybell_sandbox.twilio.network import Network, plain_number
from paybell_sandbox.twilio.shapes import API_VERSION, Message

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "YES", "UNSTOP"})
HELP = frozenset({"HELP", "INFO"})

OWN_WORDS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def keyword(text: str) -> str | None:
    """``STOP``, ``START`` or ``HELP`` where the text is one of Twilio's words."""
    word = text.strip().upper()
    for kind, words in (("STOP", STOP), ("START", START), ("HELP", HELP)):
        if word in words:
            return kind
    return None


async def receive(network: Network, sender: str, to: str, body: str) -> Message:
    """Takes a text from a phone; the webhook is called beside.

    Args:
        network: that it arrives in.
        sender: the phone's number; ``whatsapp:+…`` for WhatsApp.
        to: the business's number.
        body: the words.
    """
    message = network.receive_message(sender=sender, to=to, body=body)
    kind = keyword(body) if message.channel == "sms" else None
    service = next(
        (
            sent.messaging_service_sid
            for sent in reversed(network.messages.values())
            if sent.direction == "outbound-api" and sent.to == sender and sent.messaging_service_sid
        ),
        None,
    )
    if kind is not None:
        _apply(network, kind, sender, {plain_number(to), *([service] if service else [])})
        network.accept_message(to=sender, sender=to, service=None, body=OWN_WORDS[kind], direction="outbound-reply")
    if network.sandbox.settings.twilio_inbound_url:
        network.sandbox.spawn(_post(network, message, service))
    return message


def _apply(network: Network, kind: str, sender: str, senders: set[str]) -> None:
    pairs = {(plain_number(sender), one) for one in senders}
    if kind == "STOP":
        network.opted_out |= pairs
    elif kind == "START":
        network.opted_out -= pairs


async def _post(network: Network, message: Message, service: str | None) -> None:
    sender = plain_number(message.from_ or "")
    rule = network.sandbox.faults.pick("twilio", "inbound", sender, ("lose", "double"))
    if rule is not None and rule.act == "lose":
        return
    form = {
        "MessageSid": message.sid, "SmsSid": message.sid, "SmsMessageSid": message.sid, "AccountSid": message.account_sid,
        "From": message.from_ or "", "To": message.to, "Body": message.body, "NumMedia": "0",
        "NumSegments": str(message.num_segments), "SmsStatus": "received", "ApiVersion": API_VERSION,
        "FromCountry": "", "FromState": "", "FromCity": "", "FromZip": "", "ToCountry": "", "ToState": "", "ToCity": "", "ToZip": "",
    }  # fmt: skip
    if service is not None:
        form["MessagingServiceSid"] = service
    if message.channel == "whatsapp":
        form |= {"ProfileName": "Sandbox", "WaId": sender.lstrip("+")}
    url = network.sandbox.settings.twilio_inbound_url
    for _ in range(2 if rule is not None else 1):
        answer = await network.callbacks.post(url, form)
        line = delivery(url, answer, "inbound", network.business().isoformat())
        if answer.status == 200 and answer.content_type == "text/plain" and answer.body:
            line["violation"] = "a text/plain answer is sent to the person as it is"
        message.deliveries.append(line)
        network.announce(message)
        _say(network, message, answer.body if answer.content_type in ("text/xml", "application/xml") else "")


def _say(network: Network, message: Message, twiml: str) -> None:
    if not twiml:
        return
    try:
        root = ElementTree.fromstring(twiml)  # noqa: S314 - our own services wrote it
    except ElementTree.ParseError:
        return
    for answer in root.iter("Message"):
        words = "".join(answer.itertext()).strip()
        if words:
            network.accept_message(
                to=message.from_ or "", sender=message.to, service=None, body=words, direction="outbound-reply"
            )
