"""Conditions in CEL over what a fact is: compiled and type-checked when the rules are loaded, evaluated on every fact.

A missing attribute makes a condition false, negated or not: "not known" is no reason to write to somebody. Attributes are
declared below with their types, so that a slip in a name or a comparison of unlike things is found when the file is read.
Each expression is therefore compiled twice: against a message type, which finds what is wrong with it, and against a plain
map, which is what it runs on: there a missing key is an error of the evaluation, where a message would give a default.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2

from ingest_service.planning.document import did_you_mean

AttributeType = Literal["text", "number", "flag", "texts", "table", "card"]

ATTRIBUTES: Final[Mapping[str, AttributeType]] = {
    "kind": "text",
    "about": "text",  # what the concern is of: invoice, payment, refund
    "amount": "number",  # minor units
    "exponent": "number",
    "currency": "text",  # "usd"
    "is_subscription": "flag",
    "billing_reason": "text",
    "attempt_count": "number",
    "next_payment_attempt": "number",  # unix seconds
    "will_retry": "flag",  # Stripe has planned a further attempt
    "last_attempt": "flag",  # it had planned some, and this was the last
    "decline_kind": "text",  # why a payment failed, in a few words: see folding/declines.py
    "decline_code": "text",
    "failure_code": "text",
    "hosted_invoice_url": "text",
    "invoice_number": "text",
    "product_ids": "texts",
    "price_ids": "texts",
    "product_names": "texts",
    "interval": "text",
    "quantity": "number",
    "description": "text",
    "country": "text",
    "refund_reason": "text",
    "refund_status": "text",
    "by_answer": "flag",  # of a refund: an answer to a question caused it, and what became of the answer is told
    "dispute_reason": "text",
    "dispute_status": "text",
    "evidence_due": "number",  # unix seconds
    "is_inquiry": "flag",  # a dispute that has not taken any money yet
    "charged_amount": "number",  # where the buyer saw another currency: what was charged
    "charged_exponent": "number",
    "charged_currency": "text",
    "metadata": "table",
    "subscription_metadata": "table",
    "customer_metadata": "table",
    "card": "card",
    "change": "texts",  # of a changed subscription: plan, price, interval, date
    "interval_count": "number",
    "days_before": "number",  # of a reminder: so many days before the day it speaks of
    "card_expires_first": "flag",  # the card ends before the renewal
    "method_on_file": "flag",  # there is something to pay with
    "is_empty": "flag",  # a day on which nothing happened
    "languages": "texts",
    "customer_id": "text",
    "suspicion": "text",  # review, warning, blocked
    "capture": "text",  # how the payment stands: uncaptured, captured, blocked
    "fraud_type": "text",  # of an early fraud warning
    "answer": "text",  # yes, no, unclear, silence, unreachable
    "done": "text",  # cancelled, refunded, blocked
    "why": "text",  # why a person must decide
}
"""What a condition may ask for as `fact.NAME`."""

_CARD: Final[Mapping[str, AttributeType]] = {
    "brand": "text",
    "last4": "text",
    "exp_month": "number",
    "exp_year": "number",
}
_WRAPPERS: Final = {
    "text": ".google.protobuf.StringValue",
    "number": ".google.protobuf.Int64Value",
    "flag": ".google.protobuf.BoolValue",
    "card": ".paybell.Card",
}
_UNDEFINED: Final = re.compile(r"undefined field '(\w+)'")
_PLACE: Final = re.compile(r"<input>:(\d+):(\d+): (.*)")


def _fields(target: descriptor_pb2.DescriptorProto, attributes: Mapping[str, AttributeType]) -> None:
    optional, repeated = (
        descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
    )
    string, nested = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    for number, (name, kind) in enumerate(attributes.items(), start=1):
        if kind == "texts":
            target.field.add(name=name, number=number, label=repeated, type=string)
        elif kind == "table":
            entry = target.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, label=optional, type=string)
            entry.field.add(name="value", number=2, label=optional, type=string)
            target.field.add(
                name=name, number=number, label=repeated, type=nested, type_name=f".paybell.{target.name}.{entry.name}"
            )
        else:
            target.field.add(name=name, number=number, label=optional, type=nested, type_name=_WRAPPERS[kind])


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="paybell/fact.proto", package="paybell", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    _fields(file.message_type.add(name="Card"), _CARD)
    _fields(file.message_type.add(name="Fact"), ATTRIBUTES)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_ABOVE: Final = cel.Type.Map(cel.Type.STRING, cel.Type.BOOL)
_TYPED: Final = cel.NewEnv(_pool(), variables={"fact": cel.Type("paybell.Fact"), "above": _ABOVE})
_RUNNING: Final = cel.NewEnv(variables={"fact": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), "above": _ABOVE})
_LIMIT: Final = re.compile(r"\babove\.([A-Za-z_]\w*)")


class FixTheExpression(ValueError):
    """An expression that cannot be used: what is wrong, where in it, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        """Keeps both apart, for the file's own report."""
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy


Limits = Mapping[str, Mapping[str, int]]
"""Limits of money by name: currency to minor units. A fact in a currency that has no limit is not above it."""


@dataclass(frozen=True, slots=True)
class View:
    """A fact as conditions see it; built once a fact, read by every rule."""

    bound: Mapping[str, Mapping[str, Any]]

    def measured(self, limits: Limits) -> "View":
        """With the limits of a rules file, so that `above.NAME` can be asked: of what was charged, not of what was shown."""
        fact = self.bound["fact"]
        amount = fact.get("charged_amount", fact.get("amount"))
        currency = fact.get("charged_currency", fact.get("currency"))
        above = {
            name: amount >= by_currency[currency]
            for name, by_currency in limits.items()
            if amount is not None and currency in by_currency
        }
        return View({"fact": fact, "above": above})

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> "View":
        """Takes what is declared and of the declared type; everything else counts as missing. Lists and tables may be empty."""
        values = {
            name: typed
            for name, kind in ATTRIBUTES.items()
            if (typed := _typed(kind, attributes.get(name))) is not None
        }
        return cls({"fact": values, "above": {}})


def _typed(kind: AttributeType, value: Any) -> Any:
    match kind:
        case "flag":
            return value if isinstance(value, bool) else None
        case "number":
            return (
                value if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63 else None
            )
        case "text":
            return _text(value) if isinstance(value, str) and value else None
        case "texts":
            return [_text(item) for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []
        case "table":
            pairs = value.items() if isinstance(value, dict) else ()
            return {_text(key): _text(item) for key, item in pairs if isinstance(key, str) and isinstance(item, str)}
        case "card":
            parts = value if isinstance(value, dict) else {}
            return {name: typed for name, part in _CARD.items() if (typed := _typed(part, parts.get(name))) is not None}
        case _:
            assert_never(kind)


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode()  # a lone surrogate is no text


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    source: str
    _compiled: cel.Expression

    def holds(self, view: View) -> bool:
        """True where it is surely so; an attribute that is missing makes it false."""
        return self._compiled.eval(data=view.bound).plain_value() is True


@dataclass(frozen=True, slots=True)
class Choice:
    """A compiled expression that names something, such as the variant of a template."""

    source: str
    _compiled: cel.Expression

    def value(self, view: View) -> str | None:
        """The name; None where an attribute it needs is missing."""
        result = self._compiled.eval(data=view.bound)
        return str(result.plain_value()) if result.type() == cel.Type.STRING else None


def condition(source: str, limits: Collection[str] = ()) -> Condition:
    """Compiles a condition; `limits` are the names that `above.NAME` may ask for.

    Raises:
        FixTheExpression: it is no CEL, names what is not declared, or is neither true nor false.
    """
    return Condition(source, _compile(source, cel.Type.BOOL, "true or false", limits))


def choice(source: str, limits: Collection[str] = ()) -> Choice:
    """Compiles an expression that gives a text; `limits` as for a condition.

    Raises:
        FixTheExpression: it is no CEL, names what is not declared, or gives no text.
    """
    return Choice(source, _compile(source, cel.Type.STRING, "a text", limits))


def _compile(source: str, wanted: cel.Type, called: str, limits: Collection[str]) -> cel.Expression:
    for name in _LIMIT.findall(source):
        if name not in limits:
            remedy = did_you_mean(name, sorted(limits)) if limits else 'Add it: "limits: {high_value: {usd: 5000}}"'
            raise FixTheExpression(f"`{source}` asks for the limit `{name}`, which is not in the limits", remedy)
    try:
        typed = _TYPED.compile(source)
        running = _RUNNING.compile(source)
    except RuntimeError as error:  # the binding's only way to say that an expression is wrong
        raise _explained(source, str(error)) from None
    given = typed.return_type()
    if given not in (wanted, cel.Type.DYN) and not wanted.is_assignable_from(given):
        raise FixTheExpression(
            f"`{source}` gives {given.name().lower()}, not {called}", "Compare it with something (==, >, in, has(…))"
        )
    return running


def _explained(source: str, said: str) -> FixTheExpression:
    undefined = _UNDEFINED.search(said)
    if undefined:
        known = (*ATTRIBUTES, *_CARD)
        return FixTheExpression(
            f"`{source}` asks for `{undefined[1]}`, which no fact has", did_you_mean(undefined[1], known)
        )
    place = _PLACE.search(said)
    if place is None:
        return FixTheExpression(f"`{source}` is no CEL expression", "Write a condition such as fact.amount >= 50000")
    if "undeclared reference" in place[3]:
        return FixTheExpression(
            f"`{source}`: {place[3].split(' (in container')[0]}",
            "Attributes are named fact.NAME; texts stand in quotes",
        )
    what = f"`{source}`, at character {place[2]}: {place[3].split(', expecting')[0].split(' expecting {')[0]}"
    return FixTheExpression(what, "Write a condition such as fact.amount >= 50000 or fact.currency == 'usd'")
