"""A bill's success under one of two names: paid at once, or recovered after a failure. Pure."""

from dataclasses import replace

from ingest_service.folding.effects import Draft


def as_recovery(draft: Draft) -> Draft:
    """A bill's success that follows a failure."""
    invoice = draft.subject_id
    return replace(
        draft, kind="payment_recovered", key=f"payment_recovered:{invoice}", concern=f"invoice:{invoice}/recovered"
    )


def twin(key: str) -> str:
    """The other name that a bill's success may have been told under; the key itself for other facts."""
    kind, _, rest = key.partition(":")
    if not rest.startswith("in_"):
        return key
    other = {"payment_succeeded": "payment_recovered", "payment_recovered": "payment_succeeded"}.get(kind)
    return f"{other}:{rest}" if other else key
