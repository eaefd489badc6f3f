"""How operations come in and results go out: HTTP, Server-Sent Events and WebSocket."""
