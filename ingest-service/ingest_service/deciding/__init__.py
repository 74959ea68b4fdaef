"""Questions and what their answers do: asked with a message, answered through notify, acted on at Stripe once."""
