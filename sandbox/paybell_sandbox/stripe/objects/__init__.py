"""Complete objects in the newest shape, one module a kind. They only build: adding and telling is the caller's."""
