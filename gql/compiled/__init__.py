"""A compiled, breadth-first executor for GraphQL: see docs/decisions/compiled-execution.md.

`OperationPlan` compiles an operation, `execute_plan` runs it and gives what `graphql.execute` would give.
"""

from gql.compiled.compiler import OperationPlan, most_variants
from gql.compiled.run import execute_plan

__all__ = ["OperationPlan", "execute_plan", "most_variants"]
