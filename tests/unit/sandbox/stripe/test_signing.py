"""What the sandbox signs, Stripe's own library takes."""

import pytest
import stripe

from paybell_sandbox.stripe.signing import body, signature
from paybell_sandbox.stripe.telling import tell

SECRET = "whsec_test"


def test_a_signed_event_is_taken() -> None:
    raw = body(tell("renewal_fails", customer="yuki").envelopes()[0])
    assert stripe.WebhookSignature.verify_header(raw.decode(), signature(raw, SECRET), SECRET, 300)


def test_while_a_secret_is_rolled_both_are_taken() -> None:
    raw = b"{}"
    header = signature(raw, "whsec_new", SECRET)
    assert header.count("v1=") == 2
    assert stripe.WebhookSignature.verify_header("{}", header, SECRET, 300)


def test_an_old_signature_is_refused() -> None:
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header("{}", signature(b"{}", SECRET, at=1_700_000_000), SECRET, 300)
