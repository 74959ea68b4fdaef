"""Payment links: a short address in a text that opens the page on which this very payment can be made."""
