"""How a rendered text is said on each channel: written, spoken, or in words that WhatsApp has approved. Pure."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from notify_service.accounts import ContentTemplate
from notify_service.words.body import Content, Spoken
from notify_service.words.reference import reference
from notify_service.words.speech import for_the_ear
from notify_service.words.template import ALWAYS, DEFAULT, Rendered, Template

_NOTHING = "-"
"""WhatsApp takes no empty value."""


def said_on(
    channels: Sequence[str],
    template: str,
    rendered: Rendered,
    notification_id: UUID,
    contents: Sequence[ContentTemplate],
) -> dict[str, Spoken]:
    """Channel to what is said there."""
    ref = reference(notification_id)
    written = Spoken(rendered.text, ref, rendered.language)
    found: dict[str, Spoken] = {}
    for channel in channels:
        match channel:
            case "voice":
                unsaid = (ref, rendered.spelled.get("code", ""))
                found[channel] = Spoken(for_the_ear(rendered.text, unsaid), ref, rendered.language)
            case "whatsapp":
                found[channel] = Spoken(rendered.text, ref, rendered.language, content(template, rendered, contents))
            case _:
                found[channel] = written
    return found


def content_problems(contents: Sequence[ContentTemplate], templates: Mapping[str, Template]) -> list[str]:
    """What is wrong with approved words as they stand beside the templates: a place that would stay empty, a code nobody would see."""
    problems = []
    for one in contents:
        where = f"whatsapp_templates: {one.template} {one.variant} {one.language}"
        template = templates.get(one.template)
        if template is None:
            problems.append(f"{where}: there is no template {one.template}: use one of {', '.join(sorted(templates))}")
            continue
        known = {*template.declaration.values, *ALWAYS}
        problems += [
            f"{where}: the template has no value {name}: use one of {', '.join(sorted(known))}"
            for name in sorted(set(one.variables) - known)
        ]
        if any(words.has_code for words in template.words.values()) and "code" not in one.variables:
            problems.append(
                f"{where}: it asks something, and its variables lack code: give it a place in the approved words"
            )
    return problems


def content(template: str, rendered: Rendered, contents: Sequence[ContentTemplate]) -> Content | None:
    """The approved words for a text, of its variant or the default one, in its language or its language without region."""
    by_key = {(one.template, one.variant, one.language): one for one in contents}
    wider = rendered.language.partition("-")[0]
    for variant in dict.fromkeys((rendered.variant, DEFAULT)):
        for language in dict.fromkeys((rendered.language, wider)):
            if (one := by_key.get((template, variant, language))) is not None:
                variables = {
                    str(place): rendered.spelled.get(name) or _NOTHING for place, name in enumerate(one.variables, 1)
                }
                return Content(one.sid, variables)
    return None
