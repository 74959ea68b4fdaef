"""Twilio's error answers: JSON of code, message, more_info and status (twilio.com/docs/api/errors).

As at Twilio the words may hold the number that was refused: whoever logs them logs a person's number.
"""

from aiohttp import web

MESSAGES: dict[int, tuple[int, str]] = {
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20007: (400, "Page or page token is invalid"),
    20009: (409, "Cannot delete this resource before it is complete"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url parameter is invalid"),
    21210: (400, "'From' phone number not verified"),
    21211: (400, "Invalid 'To' Phone Number"),
    21212: (400, "Invalid 'From' Phone Number"),
    21213: (400, "'From' phone number is required"),
    21214: (400, "'To' phone number cannot be reached"),
    21220: (400, "Invalid call state"),
    21265: (400, "'To' number cannot be a Short Code"),
    21266: (400, "'To' and 'From' number cannot be the same"),
    21268: (400, "'To' number cannot be a premium-rate number"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21602: (400, "Message body is required"),
    21603: (400, "A 'From' phone number is required"),
    21604: (400, "A 'To' phone number is required"),
    21606: (400, "The 'From' phone number is not a valid, message-capable Twilio phone number for this destination"),
    21609: (400, "The 'StatusCallback' URL is not a valid URL"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21620: (400, "Invalid media URL(s)"),
    21623: (400, "Number of media files exceeds allowed limit"),
    21656: (400, "The ContentVariables parameter is invalid"),
    21701: (400, "The Messaging Service does not exist"),
    21703: (400, "The Messaging Service does not have a phone number available to send a message"),
    21712: (400, "The 'From' phone number is not in the Messaging Service's sender pool"),
    30409: (409, "Message is not in a state in which it can be cancelled"),
    35114: (400, "SendAt time is out of range"),
    35118: (400, "MessagingServiceSid is required to schedule a message"),
    63007: (400, "Twilio could not find a Channel with the specified From address"),
}


class TwilioError(Exception):
    """A refusal that Twilio would give; ``code`` is Twilio's."""

    def __init__(self, code: int, detail: str = "") -> None:
        """``detail`` is appended to Twilio's own words."""
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail


def refusal(code: int, detail: str = "") -> web.Response:
    """The JSON answer for a code."""
    status, message = MESSAGES[code]
    body = {
        "code": code,
        "message": f"{message}: {detail}" if detail else message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status)


def refuse_status(status: int) -> web.Response:
    """The JSON answer for an HTTP status of 429, 500 or 503."""
    return refusal({429: 20429, 500: 20500, 503: 20503}[status])
