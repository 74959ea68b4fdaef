"""What is counted by name stands where an operator looks for it."""

from notify_service.metrics import Metrics


def test_ends_receipts_and_replies_have_meters_of_their_own() -> None:
    metrics = Metrics()
    metrics.count("ended", {"account": "main", "state": "undelivered", "code": "30006"}, 2)
    metrics.count("receipt", {"account": "main", "status": "delivered", "code": "0"}, 1)
    metrics.count("reply", {"account": "main", "meaning": "stop"}, 1)
    metrics.count("attempt", {"account": "main", "outcome": "accepted", "channel": "sms"}, 1)
    text = metrics.text().decode()
    for line in (
        'notify_ended_total{account_id="main",code="30006",state="undelivered"} 2.0',
        'notify_receipts_total{account_id="main",code="0",status="delivered"} 1.0',
        'notify_replies_total{account_id="main",meaning="stop"} 1.0',
        'notify_delivery_events_total{account_id="main",detail="channel=sms,outcome=accepted",event="attempt"} 1.0',
    ):
        assert line in text
