"""Who may call: basic authentication with the account's SID and token, or an API key and its secret."""

import base64
import binascii
import hmac

from aiohttp import web

from paybell_sandbox.sandbox import SANDBOX
from paybell_sandbox.twilio.errors import TwilioError


def authenticate(request: web.Request) -> str:
    """The account's SID.

    Raises:
        TwilioError: 20003 for wrong credentials, 20404 for an account that is not ours.
    """
    settings = request.app[SANDBOX].settings
    user, password = _given(request.headers.get("Authorization", ""))
    known = {sid: (sid, account.tokens) for sid, account in settings.twilio_accounts.items()}
    if settings.twilio_api_key:
        known[settings.twilio_api_key] = settings.twilio_account_sid, [settings.twilio_api_secret.get_secret_value()]
    opened, passwords = known.get(user, ("", []))
    if not any(hmac.compare_digest(password, secret.encode()) for secret in passwords):
        raise TwilioError(20003)
    account = request.match_info.get("account", opened)
    if account != opened:
        raise TwilioError(20404)
    return account


def _given(header: str) -> tuple[str, bytes]:
    kind, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        raise TwilioError(20003) from None
    if kind.lower() != "basic":
        raise TwilioError(20003)
    return user.decode("utf-8", errors="replace"), password
