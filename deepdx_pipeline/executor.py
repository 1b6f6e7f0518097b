"""The executor of all jobs: every step in the process of its run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from deepdx_pipeline.instance import kept_connections

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode


class _InProcess(dg.Executor):
    """Dagster's own executor, with the connections to the history of runs kept open: a third of a short run."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> "RetryMode":
        return self._executor.retries

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[dg.DagsterEvent]:
        with kept_connections(plan_context.instance):
            yield from self._executor.execute(plan_context, execution_plan)


def _create(context: dg.InitExecutorContext) -> dg.Executor:
    create = dg.in_process_executor.executor_creation_fn
    assert create
    return _InProcess(create(context))


in_process_executor = dg.ExecutorDefinition(
    name="in_process",
    config_schema=dg.in_process_executor.config_schema.as_field(),
    executor_creation_fn=_create,
    # A process for each step would cost seconds. Steps are short, and polars and torch use all cores anyway.
    description="Execute all steps in the process of the run.",
)
