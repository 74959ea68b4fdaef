"""Twilio's Lookup v2: whether a number is valid and of which type its line is."""

import phonenumbers
from aiohttp import web

from paybell_sandbox import faulty
from paybell_sandbox.twilio import numbers
from paybell_sandbox.twilio.errors import refuse_status
from paybell_sandbox.twilio.messages_api import answering


def setup(app: web.Application, prefix: str) -> None:
    """Adds the route."""
    app.router.add_get(f"{prefix}/v2/PhoneNumbers/{{number}}", answering(_fetch))


async def _fetch(request: web.Request) -> web.StreamResponse:
    number = request.match_info["number"]

    async def accept() -> web.Response:
        return web.json_response(_resource(number, request.query.get("Fields", "")))

    return await faulty.answer(request, "twilio", "lookups.fetch", number, accept, refuse_status)


def _resource(number: str, fields: str) -> dict[str, object]:
    valid = numbers.is_dialable(number)
    parsed = phonenumbers.parse(number) if valid else None
    body: dict[str, object] = {
        "calling_country_code": str(parsed.country_code) if parsed else None,
        "country_code": phonenumbers.region_code_for_number(parsed) if parsed else None,
        "phone_number": number,
        "national_format": phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        if parsed
        else None,
        "valid": valid,
        "validation_errors": [] if valid else ["NOT_A_NUMBER"],
        "url": f"https://lookups.twilio.com/v2/PhoneNumbers/{number}",
    }
    landline = numbers.behaviour(number).refuse == 21614
    asked = fields.split(",") if fields else []
    for name in ("caller_name", "sim_swap", "call_forwarding", "line_status", "line_type_intelligence", "identity_match",
                 "reassigned_number", "sms_pumping_risk", "phone_number_quality_score", "pre_fill"):  # fmt: skip
        body[name] = None
    if "line_type_intelligence" in asked:
        body["line_type_intelligence"] = {
            "type": "landline" if landline else "mobile", "carrier_name": "Sandbox", "mobile_country_code": "310",
            "mobile_network_code": "260", "error_code": None,
        }  # fmt: skip
    return body
