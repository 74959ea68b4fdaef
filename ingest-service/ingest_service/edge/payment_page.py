"""The page behind a payment link: self-contained, without a script, for a phone first, by day and by night. Pure."""

import base64
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from html import escape
from typing import Any, Final

from ingest_service.edge import payment_page_words as words
from ingest_service.edge.payment_page_languages import number, page, phrase
from ingest_service.edge.payment_page_words import Words

STYLE: Final = """
:root { color-scheme: light dark; --ink: light-dark(#16181d, #f2f3f5); --soft: light-dark(#5b6270, #a3aab8);
  --ground: light-dark(#f3f4f7, #0f1115); --card: light-dark(#fff, #191c22); --line: light-dark(#e3e6ec, #2a2f39);
  --deed: light-dark(#1d4ed8, #6d9bff); --on-deed: light-dark(#fff, #0b1020); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100svh; display: grid; place-items: center; padding: 1.25rem; background: var(--ground);
  color: var(--ink); font: 1.0625rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%; }
main { width: 100%; max-width: 25rem; padding: 2rem 1.5rem 1.75rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1.25rem; text-align: center; box-shadow: 0 1.5rem 3.5rem -2rem rgb(0 0 0 / .35); }
.brand { margin: 0 0 1.5rem; font-weight: 600; letter-spacing: .01em; color: var(--soft); overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.625rem; line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h1.amount { font-size: clamp(2.25rem, 11vw, 2.875rem); font-weight: 700; font-variant-numeric: tabular-nums; }
h1 small { font-size: .45em; font-weight: 600; color: var(--soft); letter-spacing: .04em; }
p { margin: .75rem 0 0; color: var(--soft); overflow-wrap: anywhere; text-wrap: pretty; }
form { margin: 1.75rem 0 0; }
button { width: 100%; min-height: 3.25rem; border: 0; border-radius: .875rem; background: var(--deed); color: var(--on-deed);
  font: inherit; font-weight: 650; cursor: pointer; }
button:hover { filter: brightness(1.06); } button:active { transform: translateY(1px); }
button:focus-visible { outline: 3px solid var(--deed); outline-offset: 3px; }
.safe { margin-top: 1rem; font-size: .8125rem; }
@media (prefers-reduced-motion: reduce) { button:active { transform: none; } }
@media (forced-colors: active) { main, button { border: 1px solid; } }
"""


def headers(*, played: bool) -> dict[str, str]:
    """The headers of every page. `played`: a sandbox on this machine plays Stripe, so the button leads to a page of its own."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    # browsers hold the redirect behind a form to this list too, and Stripe's pages may stand on a domain of the business's own
    leads_to = "'self' https:" + (" http://127.0.0.1:* http://localhost:*" if played else "")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action {leads_to}; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "Cache-Control": "no-store",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def payable(shown: Mapping[str, Any], brand: str, language: str = words.LANGUAGE) -> str:
    """What is to be paid, what for, and one button."""
    amount, currency = spelled(shown)
    amount = number(amount, language)
    lines = []
    if shown.get("what"):
        lines.append(phrase(words.FOR, language).format(what=shown["what"]))
    if shown.get("reference"):
        lines.append(phrase(words.REFERENCE, language).format(reference=shown["reference"]))
    heading = f'<h1 class="amount">{escape(amount)} <small>{escape(currency)}</small></h1>'
    button = _button(words.PAY_NOW, words.SAFE, language)
    return _page(f"{phrase(words.PAGE_OF, language)} {amount} {currency}", brand, language, heading, lines, button)


def card_to_add(shown: Mapping[str, Any], brand: str, language: str = words.LANGUAGE) -> str:
    """What a new card is for, and one button; nothing is to be paid yet."""
    title = page(words.CARD, language).title
    lines = [phrase(words.FOR, language).format(what=shown["what"])] if shown.get("what") else []
    return _page(
        title, brand, language, f"<h1>{escape(title)}</h1>", lines, _button(words.ADD_CARD, words.SAFE_CARD, language)
    )


def _button(deed: str, safe: str, language: str) -> str:
    return (
        f'<form method="post"><button>{escape(phrase(deed, language))}</button></form>'
        f'<p class="safe">{escape(phrase(safe, language))}</p>'
    )


def said(what: Words, brand: str = "", language: str = words.LANGUAGE) -> str:
    """A page that only says something."""
    told = page(what, language)
    return _page(told.title, brand, language, f"<h1>{escape(told.title)}</h1>", told.lines)


def spelled(shown: Mapping[str, Any]) -> tuple[str, str]:
    """Amount and currency, as ("1,249.00", "USD"); empty where a fact has none."""
    if shown.get("amount") is None or shown.get("exponent") is None:
        return "", ""
    exponent = int(shown["exponent"])
    return f"{Decimal(int(shown['amount'])).scaleb(-exponent):,.{exponent}f}", str(shown.get("currency") or "").upper()


def _page(
    title: str, brand: str, language: str, heading: str, lines: list[str] | tuple[str, ...], more: str = ""
) -> str:
    named = f'<p class="brand">{escape(brand)}</p>' if brand else ""
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    whole = f"{title} · {brand}" if brand else title
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(whole)}</title><style>{STYLE}</style></head>"
        f"<body><main>{named}{heading}{told}{more}</main></body></html>"
    )
