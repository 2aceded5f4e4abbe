"""While receipts are awaited, what ended by itself is started again: or a campaign would lose by its own fault."""

from flows.bench.faults.traffic import POINTS_A_MESSAGE, Traffic


def test_somebody_watches_over_the_line_until_the_last_receipt(tmp_path, monkeypatch):
    traffic = Traffic("mqtt://127.0.0.1:1", 100, tmp_path / "sent.tsv")
    left = iter([5, 5, 3, 0])
    monkeypatch.setattr(type(traffic._publisher), "unconfirmed", 5)
    monkeypatch.setattr(traffic._publisher, "drain", lambda _timeout_s: next(left))
    traffic._thread.start()
    watched = []
    assert traffic.stop(meanwhile=lambda: watched.append(None)) == 0
    assert len(watched) == 4


def test_without_a_receipt_for_long_the_rest_is_unconfirmed(tmp_path, monkeypatch):
    traffic = Traffic("mqtt://127.0.0.1:1", 100, tmp_path / "sent.tsv")
    monkeypatch.setattr("flows.bench.faults.traffic.STALL_S", 0.05)
    monkeypatch.setattr(type(traffic._publisher), "unconfirmed", 5)
    monkeypatch.setattr(traffic._publisher, "drain", lambda _timeout_s: 5)
    traffic._thread.start()
    assert traffic.stop(meanwhile=lambda: None) == 5


def test_what_is_counted_was_sent(tmp_path, monkeypatch):
    traffic = Traffic("mqtt://127.0.0.1:1", 100_000, tmp_path / "sent.tsv")
    sent = []

    def publish(outgoing):
        sent.append(outgoing)
        if outgoing.topic.endswith("/txn"):  # the points made in the same turn are still to come
            traffic._stopping.set()

    monkeypatch.setattr(traffic._publisher, "publish", publish)
    traffic._run()
    points = [outgoing for outgoing in sent if outgoing.topic.endswith("/pos")]
    assert len(points) * POINTS_A_MESSAGE == sum(traffic.seqs.values())
    assert len(sent) - len(points) == traffic.purchases
