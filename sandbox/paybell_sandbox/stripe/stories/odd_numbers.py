"""Customers who cannot be texted, each with a failed renewal."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe.stories.renewals import renewal_fails
from paybell_sandbox.stripe.stories.story import CUSTOMER, DECLINE, MONEY, SEEN, SUBSCRIBED, Options, Parameter, Story
from paybell_sandbox.stripe.world import World

GROUP: Final = "Odd numbers"
_PLAYED: Final = {parameter.name: parameter for parameter in (DECLINE, *CUSTOMER, *MONEY, *SUBSCRIBED, *SEEN)}
_AFTER: Final = ("customer_pays", "retry_fails")


def _of(person: str, world: World, options: Options) -> dict[str, str]:
    return renewal_fails(world, Options({**options.given, "customer": person}, _PLAYED))


def customer_without_phone(world: World, options: Options) -> dict[str, str]:
    return _of("sam", world, options)


def customer_with_unusable_phone(world: World, options: Options) -> dict[str, str]:
    return _of("nora", world, options)


def customer_with_landline(world: World, options: Options) -> dict[str, str]:
    return _of("grace", world, options)


_PARAMETERS: Final = (DECLINE, *MONEY)

STORIES: Final = (
    Story(
        "customer_without_phone",
        GROUP,
        "A renewal fails; there is no number",
        "Sam never gave a phone number.",
        customer_without_phone,
        _PARAMETERS,
        _AFTER,
    ),
    Story(
        "customer_with_unusable_phone",
        GROUP,
        "A renewal fails; the number is no number",
        "Nora wrote words where the number belongs.",
        customer_with_unusable_phone,
        (*_PARAMETERS, Parameter("phone", "What stands in the field instead")),
        _AFTER,
    ),
    Story(
        "customer_with_landline",
        GROUP,
        "A renewal fails; the number is a landline",
        "Grace gave the number of a telephone that takes no texts.",
        customer_with_landline,
        (*_PARAMETERS, Parameter("phone", "Another landline")),
        _AFTER,
    ),
)
