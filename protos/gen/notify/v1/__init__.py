"""The contract notify.v1, generated from protos/notify/v1."""
