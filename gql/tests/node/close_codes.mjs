// With which codes the server closes sockets that break graphql-transport-ws: `node close_codes.mjs <url> <token>` prints
// them as JSON, by the names below. All at the same time, since one of them waits for the server's patience to end.
import WebSocket from "ws";

const [url, token, roomId] = process.argv.slice(2);
const init = JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
const badInit = JSON.stringify({ type: "connection_init", payload: { authorization: "Bearer x" } });
const query = "subscription($room: ID!) { messageAdded(roomId: $room) { id } }";
const live = JSON.stringify({ id: "1", type: "subscribe", payload: { query, variables: { room: roomId } } });

// Sends the first message, and the others once it was answered.
function closeCode([first, ...others], protocol = "graphql-transport-ws") {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocol);
    socket.on("open", () => first && socket.send(first));
    socket.once("message", () => others.forEach((message) => socket.send(message)));
    socket.on("close", (code, reason) => resolve([code, reason.toString()]));
    socket.on("error", reject);
  });
}

const scenarios = {
  notJson: closeCode(["{"]),
  unknownType: closeCode([init, '{"type": "start"}']),
  unacknowledged: closeCode([live]),
  badToken: closeCode([badInit]),
  otherProtocol: closeCode([], "graphql-ws"),
  silent: closeCode([]),
  sameId: closeCode([init, live, live]),
  twoInits: closeCode([init, init]),
};
const codes = {};
for (const [name, closed] of Object.entries(scenarios)) codes[name] = await closed;
process.stdout.write(JSON.stringify(codes));
