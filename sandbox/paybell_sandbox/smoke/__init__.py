"""Drives one message through whatever stack is up, from Stripe's event to its end, and says what that was.

With the sandbox somebody buys something there, and the text is awaited on the sandbox's own list. With real vendors the event is
synthetic and signed with the endpoint's secret: a captured charge without customer and payment intent, so that nothing has to be
asked of Stripe; what became of it is asked of ingest-service. A real phone then gets a real text, so it must be named.
"""
