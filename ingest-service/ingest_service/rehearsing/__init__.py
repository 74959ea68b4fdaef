"""Facts of the last days run against rules without sending anything: who would hear what, in how many segments."""
