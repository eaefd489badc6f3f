"""Runs a compiled operation level by level: every resolver of a level is called before anything is awaited."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from graphql import (
    ExecutionContext,
    ExecutionResult,
    GraphQLError,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.execute import CollectedErrors

from gql.compiled.calls import Level, start_level
from gql.compiled.columns import Batch, Column, FieldColumn, ItemColumn
from gql.compiled.compiler import OperationPlan, Variant
from gql.compiled.completion import complete
from gql.compiled.failures import Failure, apply_failures, nulled_place
from gql.compiled.traits import AWAITABLE, Kinds, kinds_of
from gql.compiled.values import coerce_variables


class Step(Protocol):
    """Values on their way that are no column yet: what `complete` makes of them once they have been awaited."""

    values: list[Any]

    def complete(self, run: "Run", kinds: Kinds) -> None: ...


Stage = Column | Step


async def execute_plan(
    plan: OperationPlan,
    *,
    root: object = None,
    context: object = None,
    variables: dict[str, Any] | None = None,
) -> ExecutionResult:
    """Run an operation. Data and errors are those of `graphql.execute`, but for which of several errors hides others
    where these depend on the order in which awaitables finish. `variables` are as the client sent them.
    """
    coerced = coerce_variables(plan.schema, plan.operation, variables)
    if isinstance(coerced, list):
        return ExecutionResult(None, coerced)
    try:
        variant = plan.variant(coerced)
    except GraphQLError as error:
        return ExecutionResult(None, [error])
    run = Run(plan, variant, coerced, context, root)
    return await run.execute()


class Run:
    """One execution of a plan, and what it has to do next."""

    def __init__(
        self, plan: OperationPlan, variant: Variant, variables: dict[str, Any], context: Any, root: Any
    ) -> None:
        self.plan = plan
        self.variant = variant
        self.variables = variables
        self.context = context
        self.root = root
        self._failures: list[Failure] = []
        self._stages: list[Stage] = []
        self._batches: list[Batch] = []

    @property
    def core(self) -> ExecutionContext:
        """graphql-core's view of the run, for its rarer checks."""
        return ExecutionContext(
            self.plan.schema,
            self.plan.fragments,
            self.root,
            self.context,
            self.plan.operation,
            self.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            CollectedErrors(),
            None,
            None,
        )

    def fail(self, column: Column, index: int, error: Exception) -> None:
        """Note the error of a value."""
        self._failures.append(Failure(column, index, error))

    def add(self, stage: Stage) -> None:
        """Let the values be awaited, where they have to be, and completed, in this level."""
        self._stages.append(stage)

    def add_batch(self, batch: Batch) -> None:
        """Let the fields of these objects be the next level."""
        if batch.objects:
            self._batches.append(batch)

    async def execute(self) -> ExecutionResult:
        """Run everything."""
        root = Batch(self.variant.root, [self.root], None, None)
        if self.plan.operation.operation is OperationType.MUTATION:
            for field in self.variant.root.fields:
                await self._descend([(root, (field,))])
                if self._root_is_null():  # what was to come is not done any more
                    break
        else:
            await self._descend([(root, self.variant.root.fields)])
        if not self._failures:
            return ExecutionResult(root.results[0], None)
        errors, is_null = apply_failures(self._failures)
        return ExecutionResult(None if is_null else root.results[0], errors)

    def _root_is_null(self) -> bool:
        return any(nulled_place(column, row) is None for column, row, _ in self._failures)

    async def _descend(self, level: Level) -> None:
        while level:
            start_level(self, level)
            while self._stages:
                await self._complete_stages()
            level = [(batch, batch.plan.fields) for batch in self._batches]
            self._batches = []

    async def _complete_stages(self) -> None:
        stages, self._stages = self._stages, []
        kinds = [kinds_of(stage.values) for stage in stages]
        waiting = [stage for stage, kind in zip(stages, kinds, strict=True) if kind.traits & AWAITABLE]
        if waiting:
            await _settle(waiting)
            kinds = [kinds_of(stage.values) for stage in stages]
        for stage, kind in zip(stages, kinds, strict=True):
            if isinstance(stage, FieldColumn | ItemColumn):
                complete(self, stage, kind)
            else:
                stage.complete(self, kind)


async def _settle(stages: Sequence[Stage]) -> None:
    """Await, together, all values that are awaitable, and put what they give, or raise, in their places."""
    places = [
        (stage.values, index)
        for stage in stages
        for index, value in enumerate(stage.values)
        if hasattr(type(value), "__await__")
    ]
    if len(places) == 1:  # needs no task
        values, index = places[0]
        try:
            values[index] = await values[index]
        except Exception as error:  # whatever a resolver raises is the error of its field
            values[index] = error
        return
    results = await asyncio.gather(*(values[index] for values, index in places), return_exceptions=True)
    for (values, index), result in zip(places, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result  # cancelled from elsewhere
        values[index] = result
