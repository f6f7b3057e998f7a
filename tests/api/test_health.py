"""Is it alive, is it ready, and what it counts."""


def test_a_running_process_is_live_and_ready(api):
    assert api.get("/health/live").json() == {"status": "live"}
    ready = {"behind": 0, "models_not_serving": 0, "status": "ready"}
    assert api.get("/health/ready").json() == ready


def test_metrics_count_events_and_requests(api):
    api.fill([{"feature_id": "d", "interaction_type": "click"}])
    api.get("/v1/retrievers/interactions")

    answer = api.get("/metrics")

    text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'rankloop_capture_events_total{kind="interaction",outcome="accepted"} 1' in text
    assert 'rankloop_api_requests_total{method="GET",status="200"} 1' in text
    assert "rankloop_capture_delivery_failing 0" in text
    assert "rankloop_api_request_seconds_bucket" in text
