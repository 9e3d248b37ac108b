"""What rules say to do, where that depends on the history."""

import pytest

from retention_engine import Event

from .stating import Case, answered, case, engaged, renewed, wrote

ALL_FIVE = ("how", "start", "stop", "refer", "quote")


def asked_all_but(question: str) -> list[Event]:
    others = [other for other in ALL_FIVE if other != question]
    return [wrote("2026-01-01"), engaged("2026-01-02", asked=others)]


MESSAGES = [
    ("unasked-question", asked_all_but("how"), "Ask: How do you find working with us?"),
    ("unasked-question", asked_all_but("start"), "Ask: Is there anything that we should do and don't?"),
    ("unasked-question", asked_all_but("stop"), "Ask: Is there anything that we do and should stop doing?"),
    (
        "unasked-question",
        asked_all_but("refer"),
        "Ask: Would you recommend us to your friends, and why, or why not?",
    ),
    ("unasked-question", asked_all_but("quote"), "Ask: May we quote you in writing?"),
    (
        "one-sided-expectations",
        [engaged("2026-01-01", purpose="expectations", agreed_by=["us"])],
        "Ask the client to agree.",
    ),
    (
        "one-sided-expectations",
        [engaged("2026-01-01", purpose="expectations", agreed_by=["client"])],
        "Agree to what the client expects.",
    ),
    (
        "differing-views",
        [engaged("2026-01-01", our_view=5, client_view=2), engaged("2026-02-01", our_view=4)],
        "We say 4 of 5, they say 2: find out why.",
    ),
    (
        "lapsed-checklist",
        [renewed("2026-01-01"), wrote("2026-01-02", purpose="expectations")],
        "Go through the checklist with the client, first of all open lines.",
    ),
    ("unheeded-criticism", [answered("2026-01-01", stop="Calls.")], "Change what they asked for, and tell them."),
]


@pytest.mark.parametrize(
    ("it", "message"),
    [(case(rule, message, *history).values[0], message) for rule, history, message in MESSAGES],
    ids=[f"{rule}: {message}" for rule, _, message in MESSAGES],
)
def test_the_next_step_says_what_to_do(it: Case, message: str):
    assert [action.message for action in it.engine.schedule(it.client).actions] == [message]
