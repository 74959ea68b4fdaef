"""Stripe's API, as strict as Stripe's own."""
