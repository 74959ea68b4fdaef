"""Parameters as they come in forms, held against Stripe's own description."""

from typing import Any

import pytest

from paybell_sandbox.stripe.api.errors import ApiError
from paybell_sandbox.stripe.api.forms import nested
from paybell_sandbox.stripe.api.parameters import checked, shape_of
from paybell_sandbox.stripe.api.routes import ROUTES


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_call_has_parameters_that_stripe_describes(route: Any) -> None:
    assert shape_of(route.params).fields is not None


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([("a", "1")], {"a": "1"}),
        ([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        ([("a[1]", "y"), ("a[0]", "x")], {"a": ["x", "y"]}),
        ([("a[0][b]", "1"), ("a[0][c]", "2"), ("a[1][b]", "3")], {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        ([("a[][b]", "1"), ("a[][c]", "2"), ("a[][b]", "3")], {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
    ],
)
def test_brackets_make_hashes_and_lists(pairs: list[tuple[str, str]], value: dict[str, Any]) -> None:
    assert nested(pairs) == value


@pytest.mark.parametrize(
    "pairs", [[("a[", "1")], [("[a]", "1")], [("a", "1"), ("a", "2")], [("a", "1"), ("a[b]", "2")]]
)
def test_names_that_mean_nothing_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ApiError):
        nested(pairs)


def test_values_get_their_types() -> None:
    given = nested([("limit", "3"), ("created[gte]", "5"), ("delivery_success", "false"), ("types[]", "invoice.paid")])
    assert checked(shape_of("EventListParams"), given) == {
        "limit": 3,
        "created": {"gte": 5},
        "delivery_success": False,
        "types": ["invoice.paid"],
    }


@pytest.mark.parametrize(
    ("name", "pairs", "code", "param"),
    [
        ("RefundCreateParams", [("colour", "red")], "parameter_unknown", "colour"),
        ("EventListParams", [("created[since]", "1")], "parameter_unknown", "created[since]"),
        ("EventListParams", [("limit", "many")], "parameter_invalid_integer", "limit"),
        ("EventListParams", [("delivery_success", "perhaps")], None, "delivery_success"),
        ("RefundCreateParams", [("amount[x]", "1")], None, "amount"),
        ("RefundCreateParams", [("reason", "bored")], None, "reason"),
        ("RefundCreateParams", [("expand", "charge")], None, "expand"),
        ("radar.ValueListItemCreateParams", [("value", "x")], "parameter_missing", "value_list"),
    ],
)
def test_what_stripe_does_not_take_is_refused_by_name(
    name: str, pairs: list[tuple[str, str]], code: str | None, param: str
) -> None:
    with pytest.raises(ApiError) as refused:
        checked(shape_of(name), nested(pairs))
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, code, param)


def test_metadata_is_free() -> None:
    given = nested([("metadata[challenge_id]", "c1"), ("metadata[any]", "")])
    assert checked(shape_of("RefundCreateParams"), given) == {"metadata": {"challenge_id": "c1", "any": ""}}
