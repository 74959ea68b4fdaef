"""Twilio's Lookup v2: whether a number is valid and of which type its line is."""

from typing import Final

import phonenumbers
from aiohttp import web

from paybell_sandbox.twilio import numbers
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.serving import Route

FIELDS: Final = (
    "caller_name", "sim_swap", "call_forwarding", "line_status", "line_type_intelligence", "identity_match", "reassigned_number",
    "sms_pumping_risk", "phone_number_quality_score", "pre_fill",
)  # fmt: skip

REASONS: Final = {
    phonenumbers.ValidationResult.TOO_SHORT: "TOO_SHORT",
    phonenumbers.ValidationResult.TOO_LONG: "TOO_LONG",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    phonenumbers.ValidationResult.INVALID_LENGTH: "INVALID_LENGTH",
}


async def _fetch(request: web.Request) -> web.Response:
    asked = [field for field in request.query.get("Fields", "").split(",") if field]
    if unknown := sorted(set(asked) - set(FIELDS) - {"validation"}):
        raise TwilioError(20001, f"unknown field {unknown[0]}")
    return web.json_response(_resource(request.match_info["number"], asked))


def _why(number: str) -> str:
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return "NOT_A_NUMBER"
    return REASONS.get(reason, "NOT_A_NUMBER")


def _resource(number: str, asked: list[str]) -> dict[str, object]:
    valid = numbers.is_dialable(number)
    parsed = phonenumbers.parse(number) if valid else None
    body: dict[str, object] = dict.fromkeys(FIELDS)
    body |= {
        "calling_country_code": str(parsed.country_code) if parsed else None,
        "country_code": phonenumbers.region_code_for_number(parsed) if parsed else None,
        "phone_number": number,
        "national_format": phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        if parsed
        else None,
        "valid": valid,
        "validation_errors": [] if valid else [_why(number)],
        "url": f"https://lookups.twilio.com/v2/PhoneNumbers/{number}",
    }
    if "line_type_intelligence" in asked and valid:
        body["line_type_intelligence"] = {
            "type": "landline" if numbers.behaviour(number).refuse == 21614 else "mobile", "carrier_name": "Sandbox",
            "mobile_country_code": "310", "mobile_network_code": "260", "error_code": None,
        }  # fmt: skip
    return body


ROUTES: Final = (Route("lookups.fetch", "GET", "/v2/PhoneNumbers/{number}", _fetch),)
