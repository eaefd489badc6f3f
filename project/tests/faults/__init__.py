"""The delivery guarantee (docs/events.md) under faults: the real program, many clients of several kinds, and a verdict.

Here and not in `chat/tests`: the runs start `manage.py up` with everything in it, GraphQL and the assistant included,
and chat knows nothing of those. What a file is for:

- `program`: one `up` with two web processes, whose children can be killed, with the people and rooms of a run.
- `own_client`, `stock_clients` (a process of Node, `stock_clients.cjs`), `graphql_client`: who receives.
- `senders`: who posts, edits and deletes, and sends again what was not acknowledged.
- `run`: a crowd of these over one program, its traffic, and the wait until all have settled.
- `network`: a proxy that cuts, stalls and comes back; `bad_clients`: those who do not read, or send nonsense.
- `verdict`: pure functions that tell what was lost, doubled, out of order, or acknowledged against the truth.

`FAULT_MESSAGES` (1000) and `FAULT_CLIENTS` (14) set the size of a run, `FAULT_ROUNDS` (1) how often each is repeated.
`make faults` runs them larger: 2000, 20 and 3.
"""
