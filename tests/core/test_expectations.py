"""What test cases expect, and what of it an outcome does not meet."""

import pytest

from gatewayapp.core.expectations import MOST_CHECKS, Outcome, compile_expectations, unmet

BODY = '{"text": "hi", "n": 1, "ok": true, "items": [{"id": 7}], "nothing": null}'
DRY = Outcome("send", f"POST http://b.example/in\n{BODY}", BODY)
SENT = Outcome("send", DRY.request, BODY, sent=True, status=200, frame='{"said": "hi"}')
FAILED = Outcome(
    "send", None, None, error="The route send has no integration.", frame='{"message": "Internal server error"}'
)
NOWHERE = Outcome(None, None, None, error="Forbidden", frame='{"message": "Forbidden"}')


def judged(outcome, **document):
    return unmet(compile_expectations(document), outcome)


@pytest.mark.parametrize(
    ("outcome", "document"),
    [
        (DRY, {}),
        (DRY, {"routeKey": "send"}),
        (DRY, {"request": [{"contains": "http://b.example/in"}, {"contains": '"hi"'}]}),
        (DRY, {"request": [{"equals": BODY}]}),
        (DRY, {"request": [{"path": "items[0].id", "equals": 7}, {"path": "ok", "equals": True}]}),
        (DRY, {"request": [{"path": "n", "equals": 1.0}, {"path": "nothing", "equals": None}]}),
        (DRY, {"request": [{"path": "items", "equals": [{"id": 7}]}]}),
        (DRY, {"status": 500, "response": [{"contains": "only a call would show"}]}),
        (SENT, {"status": 200, "response": [{"path": "said", "equals": "hi"}, {"contains": "said"}]}),
        (FAILED, {"response": [{"contains": "Internal server error"}]}),
        (NOWHERE, {"response": [{"path": "message", "equals": "Forbidden"}]}),
    ],
)
def test_what_is_met_is_not_told(outcome, document):
    assert judged(outcome, **document) == ()


@pytest.mark.parametrize(
    ("outcome", "document", "told"),
    [
        (DRY, {"routeKey": "join"}, "It takes route send instead of route join."),
        (NOWHERE, {"routeKey": "join", "response": [{"contains": "F"}]}, "It takes no route instead of route join."),
        (FAILED, {}, "It fails: The route send has no integration."),
        (FAILED, {"request": [{"contains": "x"}], "response": [{"contains": "I"}]}, "No request is made."),
        (DRY, {"request": [{"contains": "bye"}]}, "The request does not contain 'bye'."),
        (DRY, {"request": [{"equals": "bye"}]}, f"The request is {BODY!r} instead of 'bye'."),
        (DRY, {"request": [{"path": "n", "equals": True}]}, "The request has 1 at n instead of True."),
        (
            DRY,
            {"request": [{"path": "no.such", "equals": None}]},
            "The request has nothing at no.such instead of None.",
        ),
        (SENT, {"status": 201}, "The backend answers with status 200 instead of 201."),
        (SENT, {"response": [{"equals": "x"}]}, "The frame is '{\"said\": \"hi\"}' instead of 'x'."),
        (Outcome("send", "x", "x", sent=True), {"response": [{"equals": "x"}]}, "No frame comes back."),
        (Outcome("send", "x", "x", sent=True), {"status": 200}, "The backend answers with no status instead of 200."),
        (
            Outcome("send", "x", "x"),
            {"request": [{"path": "a", "equals": 1}]},
            "The request has nothing at a instead of 1.",
        ),
    ],
)
def test_what_is_not_met_is_told_in_a_sentence(outcome, document, told):
    assert judged(outcome, **document) == (told,)


@pytest.mark.parametrize(
    ("document", "answer"),
    [({}, False), ({"routeKey": "a"}, False), ({"status": 200}, True), ({"response": [{"contains": "x"}]}, True)],
)
def test_what_only_an_answer_shows(document, answer):
    assert compile_expectations(document).need_an_answer is answer


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "an object"),
        ({"route": "x"}, "'route' is no expectation"),
        ({"routeKey": 1}, "routeKey"),
        ({"status": True}, "status"),
        ({"status": 99}, "status"),
        ({"request": {}, "response": "x"}, "response is a list"),
        ({"request": [{"contains": "x"}] * (MOST_CHECKS + 1)}, "at most"),
        ({"request": ["x"]}, r"request\[0\] is an object"),
        ({"request": [{"contains": "x", "equals": "y"}]}, r"request\[0\] is an object"),
        ({"request": [{"path": "x"}]}, r"request\[0\] is an object"),
        ({"request": [{"contains": ""}]}, "1-4096 characters"),
        ({"request": [{"contains": 1}]}, "1-4096 characters"),
        ({"request": [{"equals": 1}]}, "1-4096 characters"),
        ({"request": [{"path": "a..b", "equals": 1}]}, r"request\[0\].path: 'a..b' is no path"),
    ],
)
def test_what_cannot_be_expected_is_refused(document, told):
    with pytest.raises(ValueError, match=told):
        compile_expectations(document)
