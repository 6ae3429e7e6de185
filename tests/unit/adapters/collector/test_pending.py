"""Reports that were read and not yet sent."""

import json

from adapters.collector.pending import BATCH_BYTES, MESSAGE_BYTES, Pending, encoded
from tunelet.core.trial import Report


def test_gathered_reports_go_into_one_request_by_step() -> None:
    news = Pending()
    news.add([Report(1, {"a": 1.0}), Report(2, {"a": 2.0}), Report(1, {"b": 3.0})])
    assert news.wait(0)
    batch = news.batch()
    assert batch == [{"step": 1, "values": {"a": 1.0, "b": 3.0}}, {"step": 2, "values": {"a": 2.0}}]
    news.add([Report(2, {"b": 4.0})])
    news.reported(batch)
    assert news.batch() == [{"step": 2, "values": {"b": 4.0}}]


def test_unreported_values_stay() -> None:
    news = Pending()
    news.add([Report(1, {"a": 1.0})])
    assert news.batch() == news.batch() != []
    news.close()
    assert not news.done
    news.reported(news.batch())
    assert news.done
    assert not news.wait(0)


def test_no_request_is_larger_than_the_service_takes() -> None:
    news = Pending()
    news.add(Report(step, {"m": 1.0}) for step in range(2500))
    sizes = []
    while batch := news.batch():
        sizes.append(len(batch))
        news.reported(batch)
    assert sizes == [1000, 1000, 500]
    news.add(Report(step, {"\u00e9" * 100 + str(n): 1.0 for n in range(900)}) for step in range(3))
    while batch := news.batch():
        assert len(batch) == 1
        assert len(json.dumps(batch)) < 4 * BATCH_BYTES
        news.reported(batch)


def test_the_termination_message_has_the_objectives_first_and_fits() -> None:
    values = {f"a{number:04d}": 0.5 for number in range(1000)} | {"loss": "NaN"}
    written = encoded(values, ["loss", "missing"], read=True)
    assert len(written) <= MESSAGE_BYTES
    assert json.loads(written)["read"] is True
    told = json.loads(written)["values"]
    assert told["loss"] == "NaN"
    assert len(told) > 100
    assert encoded({}, ["loss"], read=False) == b'{"read":false,"values":{}}'


def test_the_termination_message_has_the_remarks_before_all_values_but_the_objectives() -> None:
    values = {f"a{number:04d}": 0.5 for number in range(1000)}
    written = encoded(values, ["loss"], True, "found: " + "\u00e9" * 500)
    assert len(written) <= MESSAGE_BYTES
    assert json.loads(written)["remarks"] == "found: " + "\u00e9" * 500
    assert json.loads(written)["values"]
