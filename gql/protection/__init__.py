"""What keeps one client from taking the server for itself. The checks, in their order:

1. `bytes`: how much may be sent at all, and how many values a JSON body may hold, before it is read.
2. `scan`: the document's characters and tokens, before the parser sees them.
3. `selection`: what the document selects, fragments included, before it is validated.
4. `estimate`: what an operation costs with its variables, before it runs; fields declare it (`declared`).
5. `throttle`: whether the client may spend that now.
6. `time_limit`: how long it may run.
"""
