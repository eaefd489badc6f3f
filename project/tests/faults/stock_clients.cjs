// Stock socket.io-clients that follow rooms and rely on connection state recovery. Orders are lines of JSON on the input:
// {"follow": {name, url, token, rooms, transports}} and {"request": number, client, event: [name, ...arguments]}. Reports
// are lines of JSON: {client, event, message}, {client, connected: whether recovered}, {client, joined: room, version},
// {client, refused}, {client, disconnected: reason}, {answer: number, result}; a result of null means no acknowledgement came.
// Where a session was not recovered, the client joins its rooms again with the highest version it saw.
const readline = require("node:readline");
const { io } = require("socket.io-client");

const ACK_TIMEOUT_MS = 10_000;
const JOIN_AGAIN_MS = 300;
const clients = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

function follow({ name, url, token, rooms, transports }) {
  const choice = transports.length ? { transports } : {};
  const socket = io(url, { auth: { token }, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 400, ...choice });
  const highest = new Map(); // room -> version, of rooms that were joined
  clients.set(name, socket);

  for (const event of ["new-message", "message-updated"]) {
    socket.on(event, (message) => {
      const { id, roomId, version, text, status, deletedAt } = message;
      if (highest.has(roomId)) highest.set(roomId, Math.max(highest.get(roomId), version));
      say({ client: name, event, message: { id, roomId, version, text, status, deletedAt } });
    });
  }

  function join(room) {
    const since = highest.has(room) ? [{ since: highest.get(room) }] : [];
    socket.timeout(ACK_TIMEOUT_MS).emit("join-room", room, ...since, (lost, answer) => {
      if (!lost && answer.ok) {
        if (!highest.has(room)) highest.set(room, answer.version);
        say({ client: name, joined: room, version: answer.version });
        return;
      }
      if (!lost) say({ client: name, refused: answer.error });
      if (socket.connected) setTimeout(() => socket.connected && join(room), JOIN_AGAIN_MS);
    });
  }

  socket.on("connect", () => {
    say({ client: name, connected: Boolean(socket.recovered) });
    for (const room of rooms) if (!(socket.recovered && highest.has(room))) join(room);
  });
  socket.on("disconnect", (reason) => say({ client: name, disconnected: reason }));
  socket.on("connect_error", (error) => say({ client: name, refused: { message: error.message, data: error.data ?? null } }));
}

function request({ request: number, client, event }) {
  const socket = clients.get(client);
  if (!socket.connected) return say({ answer: number, result: null }); // it would be kept and sent later, beside the next try
  socket.timeout(ACK_TIMEOUT_MS).emit(...event, (lost, result) => say({ answer: number, result: lost ? null : result }));
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.follow) follow(order.follow);
  else request(order);
}).on("close", () => {
  for (const socket of clients.values()) socket.disconnect();
  setTimeout(() => process.exit(0), 300);
});
