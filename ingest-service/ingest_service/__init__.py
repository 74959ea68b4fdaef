"""Takes Stripe events and decides who hears about what, and when."""
