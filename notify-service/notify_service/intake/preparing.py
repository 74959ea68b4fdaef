"""Gets a valid request ready to be decided about: its number is chosen and its words are rendered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from notify_service.accounts import Account
from notify_service.challenges.codes import stand_in
from notify_service.consent.number import Choice, choices
from notify_service.consent.policy import Policy
from notify_service.intake.request import Address, Request
from notify_service.intake.results import Rejected
from notify_service.words.countries import only_zone
from notify_service.words.reference import reference
from notify_service.words.template import Rendered, Template, TemplateError, ValueProblemError, check_values, render


@dataclass(frozen=True)
class AccountInForce:
    """An account with what is in force for it."""

    account: Account
    policy: Policy
    templates: Mapping[str, Template]
    takes_keys: bool = False
    """Whether calls can be answered by pressing keys: only where the provider reaches us."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with its number and words. `others`: further numbers that a wanted channel reaches, in their order."""

    request: Request
    choice: Choice
    rendered: Rendered
    others: tuple[Choice, ...] = ()

    @property
    def address(self) -> Address | None:
        """The candidate that was taken."""
        return self.request.addresses[self.choice.index] if self.choice.number is not None else None


def prepare(request: Request, in_force: AccountInForce) -> Prepared | Rejected:
    """The request with number and words, or what is wrong with it."""
    if request.sender_scope and not any(sender.scope == request.sender_scope for sender in in_force.account.senders):
        scopes = sorted({sender.scope for sender in in_force.account.senders if sender.scope})
        known = f"use one of {', '.join(scopes)}, or leave it empty" if scopes else "leave it empty"
        return Rejected("sender_scope", "is configured for no sender of this account", known)
    template = in_force.templates.get(request.template)
    if template is None:
        return Rejected("template", "there is no such template", f"use one of {', '.join(sorted(in_force.templates))}")
    try:
        code = stand_in(moves_money=request.question.moves_money) if request.question is not None else None
        rendered = words_for(request, in_force, code)
    except ValueProblemError as error:
        return Rejected(error.field, error.reason, error.remedy)
    except TemplateError as error:
        return Rejected("template", str(error), "correct the template, or name another one")
    if request.question is not None:
        written = [channel for channel in request.channels if channel != "voice"]
        if request.question.moves_money and written and not rendered.has_code:
            why = f"variant {rendered.variant} ({rendered.language}) holds no reply code although the answer can move money"
            return Rejected("template", why, "put {{ code }} into its words, or name another template")
        if not in_force.takes_keys:  # a call that cannot take an answer does not ask
            request = replace(request, channels=tuple(written))
    first, *others = choices([one.candidate for one in request.addresses], request.channels)
    return Prepared(request, first, rendered, tuple(others))


def zone_of(request: Request) -> str | None:
    """The recipient's zone, where it is known."""
    of_places = (only_zone(place.country) for place in request.places)
    return next(iter(request.time_zones), None) or next((zone for zone in of_places if zone is not None), None)


def words_for(request: Request, in_force: AccountInForce, code: str | None) -> Rendered:
    """The text of a request; with its reply code, where it asks something.

    Raises:
        ValueProblemError: where its values do not fit the template.
        TemplateError: where the template has no words for it.
    """
    template, account, policy = in_force.templates[request.template], in_force.account, in_force.policy
    check_values(template, request.values, policy.link_domains)
    return render(
        template,
        variant=request.variant,
        languages=request.languages,
        last_resort=account.language,
        values=request.values,
        brand=account.brand,
        reference=reference(request.notification_id),
        zone=zone_of(request) or account.zone,
        longest_text=policy.customer_text_length,
        code=code,
    )
