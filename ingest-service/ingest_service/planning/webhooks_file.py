"""The webhooks of a rules file: where something outside is told, by name. Pure."""

import re
from collections.abc import Mapping
from typing import Final

import yaml

from ingest_service.planning.document import Reader, did_you_mean
from ingest_service.planning.rules import Webhook
from ingest_service.planning.teams_file import WORD
from ingest_service.webhooks.guard import wrong_with

_SECRET: Final = re.compile(r"INGEST_WEBHOOK_[A-Z0-9_]+")


def read_webhooks(reader: Reader, node: yaml.Node) -> dict[str, Webhook]:
    """The webhooks by name; problems are noted with the reader.

    One whose address was to come from the environment, and is not set there, is kept without an address: whoever names it is told
    nothing, and `check` says so.
    """
    found = {name: _webhook(reader, name, each) for name, each in reader.mapping(node, "webhooks", ()).items()}
    return {name: webhook for name, webhook in found.items() if webhook is not None}


def named_webhook(
    reader: Reader, node: yaml.Node | None, webhooks: Mapping[str, Webhook], *, signed: bool = False
) -> str | None:
    """The name of one of the file's webhooks. `signed`: it must have a secret, because somebody acts on what it is told."""
    name = reader.text(node, "the name of a webhook") if node is not None else None
    if node is None or name is None:
        return None
    if name not in webhooks:
        remedy = did_you_mean(name, sorted(webhooks)) if webhooks else 'Add it: "webhooks: {name: {url: …}}"'
        reader.note(node, f'"{name}" is none of the webhooks', remedy)
        return None
    if signed and not webhooks[name].secret_env:
        what = f'the webhook "{name}" is called on an answer and has no secret, so whoever is called cannot know us'
        reader.note(node, what, "Add secret_env: INGEST_WEBHOOK_… to it")
    return name


def _webhook(reader: Reader, name: str, node: yaml.Node) -> Webhook | None:
    if not WORD.fullmatch(name):
        reader.note(node, f'a webhook cannot be called "{name}"', "Use small letters, digits and _, such as fulfilment")
    parts = reader.mapping(node, f'webhook "{name}"', ("url", "secret_env"), needed=("url",))
    if "url" not in parts:
        return None
    empty = isinstance(parts["url"], yaml.ScalarNode) and not parts["url"].value.strip()
    url = "" if empty else reader.text(parts["url"], '"url"')
    if url is None:
        return None
    wrong = wrong_with(url) if url else None
    if wrong is not None:
        reader.note(parts["url"], f'the address of webhook "{name}" {wrong}', "Write https://host/path")
    secret = reader.text(parts["secret_env"], '"secret_env"') if "secret_env" in parts else ""
    if secret and not _SECRET.fullmatch(secret):
        remedy = "Write the name of the variable that holds the secret: INGEST_WEBHOOK_FULFILMENT_SECRET"
        reader.note(parts["secret_env"], '"secret_env" is no name of a variable for webhooks', remedy)
    return Webhook(name, url, secret or "")
