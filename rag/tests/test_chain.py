import pytest

from rag.answering.prompts import DefaultTemplate, build_request
from rag.llm.chain import ModelChain, RetryPolicy
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import Completion, FinalModelError, ModelChosen, RetryableModelError, TextDelta, Usage

REQUEST = build_request("Q?", [], [], DefaultTemplate())
DONE = (TextDelta("Hello"), Completion("end_turn", Usage(10, 2)))
BUSY = RetryableModelError("MODEL_OVERLOADED", "busy")


class Waits(list):
    async def __call__(self, seconds):
        self.append(seconds)


async def run(*models, waits=None, policy=None):
    chain = ModelChain(
        models, sleep=waits if waits is not None else Waits(), jitter=lambda: 1.0, policy=policy
    )
    return [event async for event in chain.stream(REQUEST)]


async def test_a_retry_after_backoff_answers():
    waits = Waits()

    events = await run(ScriptedModel([BUSY], [BUSY], DONE), waits=waits)

    assert events[-2:] == list(DONE)
    assert waits == [0.5, 1.0]


async def test_the_next_model_answers_when_the_first_stays_busy():
    first, second = ScriptedModel([BUSY], name="first"), ScriptedModel(DONE, name="second")

    events = await run(first, second)

    assert len(first.requests) == 3
    assert [event for event in events if isinstance(event, ModelChosen)][-1] == ModelChosen("second")
    assert events[-1] == DONE[-1]


async def test_a_final_error_goes_to_the_next_model_at_once():
    first = ScriptedModel([FinalModelError("MODEL_NOT_FOUND", "no such model")])

    await run(first, ScriptedModel(DONE))

    assert len(first.requests) == 1


async def test_a_refusal_is_not_asked_elsewhere():
    second = ScriptedModel(DONE)

    with pytest.raises(FinalModelError):
        await run(ScriptedModel([FinalModelError("MODEL_REFUSED", "no", refused=True)]), second)

    assert second.requests == []


async def test_a_failure_after_the_first_token_is_not_retried():
    model, second = ScriptedModel([TextDelta("Hel"), BUSY]), ScriptedModel(DONE)

    with pytest.raises(RetryableModelError):
        await run(model, second)

    assert (len(model.requests), second.requests) == (1, [])


async def test_the_last_models_error_comes_out():
    with pytest.raises(RetryableModelError, match="busy"):
        await run(ScriptedModel([FinalModelError("MODEL_ACCESS", "key")]), ScriptedModel([BUSY]))


async def test_retry_after_is_honoured():
    waits = Waits()

    await run(
        ScriptedModel([RetryableModelError("MODEL_RATE_LIMITED", "slow down", retry_after_s=7)], DONE),
        waits=waits,
    )

    assert waits == [7.5]


async def test_a_wait_beyond_patience_is_not_waited_for():
    waits = Waits()
    first = ScriptedModel([RetryableModelError("MODEL_RATE_LIMITED", "slow down", retry_after_s=3600)])

    await run(first, ScriptedModel(DONE), waits=waits)

    assert (len(first.requests), waits) == (1, [])


def test_backoff_never_exceeds_its_bound():
    policy = RetryPolicy(attempts_per_model=30)

    assert policy.wait_s(25, BUSY, 1.0) == policy.longest_wait_s
    assert policy.wait_s(0, BUSY, 0.0) == 0.0
    assert policy.wait_s(29, BUSY, 1.0) is None
