"""The compose stack: brings it up, takes it down, asks it. Runs with any Python from 3.11 on and nothing installed."""
