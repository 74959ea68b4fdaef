"""Every code of the provider leads to the action that its meaning asks for."""

import pytest

from notify_service.delivery import codes
from notify_service.delivery.codes import CodeClass

EXPECTED = {
    CodeClass.NUMBER: "21211 21214 21216 13225 21217 21265 21268 21401 21407 21421 21601 21614 21635 30004 30005 30006 63003 63024 63036",
    CodeClass.OPTED_OUT: "21610 30630 63014 63033",
    CodeClass.BUSY: "20429 63017 63018",
    CodeClass.LATER: "14107 30017 30022 30410 21611 30001 30003 30008 30450 30453 30485 30023 30027 30035 30610 30615 63038 30036",
    CodeClass.AMBIGUOUS: "20500 20503 20504 30500 63009 63010 63012",
    CodeClass.CONFIGURATION: (
        "20003 20005 20006 20008 90010 30002 21212 21606 21657 21659 21660 21661 21701 21702 21703 21704 21705 30024 30032 30033"
        " 30034 30037 63001 63007 63020 63051 13227 21215 21408 21612 30018 30040 30041 30042 30043 63015"
    ),
    CodeClass.REQUEST: (
        "20404 21266 21602 21603 21604 21609 21617 21618 21619 21620 21623 21654 21655 21656 21658 30010 30019 30039 30620"
        " 35114 35115 35118"
    ),
    CodeClass.CONTENT: "30007 30038 63005 63013 63021",
    CodeClass.WINDOW: "63016 63027 63028 63030 63040 63041 63042",
    CodeClass.PREFERENCE: "63032 63049",
}
ROWS = [(int(code), wanted) for wanted, listed in EXPECTED.items() for code in listed.split()]


@pytest.mark.parametrize(("code", "wanted"), ROWS)
def test_each_code_has_its_class(code: int, wanted: CodeClass) -> None:
    """Refused or undelivered, the code means the same."""
    assert codes.of_delivery(code) == codes.Judged(codes.TABLE[code], known=True)
    assert codes.of_refusal(code, 400).meaning.code_class is wanted


def test_the_table_holds_nothing_else() -> None:
    """A code that is added to the table must be added here, with a reason to believe it."""
    assert set(codes.TABLE) == {code for code, _ in ROWS}


def test_an_opt_out_never_leads_to_another_channel() -> None:
    """Neither does a blocked text, nor a request that is wrong, nor anything about the account."""
    for meaning in codes.TABLE.values():
        if (
            meaning.code_class in (CodeClass.OPTED_OUT, CodeClass.CONTENT, CodeClass.REQUEST)
            or meaning.halts == "account"
        ):
            assert not meaning.other_channel


@pytest.mark.parametrize(
    ("status", "halts", "code_class"),
    [
        (401, "account", CodeClass.CONFIGURATION),
        (403, "account", CodeClass.CONFIGURATION),
        (429, "nothing", CodeClass.BUSY),
        (400, "nothing", CodeClass.REQUEST),
        (404, "nothing", CodeClass.REQUEST),
    ],
)
def test_an_unknown_code_is_judged_by_its_http_status(status: int, halts: str, code_class: CodeClass) -> None:
    """And is reported as unknown, so that the table can grow."""
    judged = codes.of_refusal(99999, status)
    assert judged.meaning.code_class is code_class
    assert judged.meaning.halts == halts
    assert judged.known == (status == 429)


def test_an_unknown_code_in_a_receipt_ends_it_and_tries_nothing_else() -> None:
    """What nobody knows is not acted on."""
    judged = codes.of_delivery(99999)
    assert not judged.known
    assert not judged.meaning.other_channel
    assert judged.meaning.retry_seconds is None
