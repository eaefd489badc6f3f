// A stock socket.io-client, told what to do by lines of JSON on its input: {"emit": [event, ...arguments]},
// {"drop": true} (the connection), {"leave": true} (the namespace, to connect to it again), or {"again": true} (connect, after
// a refusal). Each line of its output is what happened: {"connect", "recovered"}, {"upgrade"}, {"event"}, {"ack"},
// {"disconnect"}, {"error", "data"}, {"attempt"} (the client tries again by itself). Arguments: the URL, the token, and the
// transports if they are not to be the client's own choice.
const readline = require("node:readline");
const { io } = require("socket.io-client");

const [url, token, ...transports] = process.argv.slice(2);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const choice = transports.length ? { transports } : {};
const socket = io(url, { auth: { token }, ...choice, reconnectionDelay: 100, reconnectionDelayMax: 200 });

socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => say({ upgrade: transport.name })));
socket.io.on("reconnect_attempt", (attempt) => say({ attempt }));
socket.on("connect", () => say({ connect: socket.id, recovered: socket.recovered }));
socket.on("connect_error", (error) => say({ error: error.message, data: error.data ?? null }));
socket.on("disconnect", (reason) => say({ disconnect: reason }));
socket.onAny((...event) => say({ event }));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.drop) socket.io.engine.close();
  else if (order.again) socket.connect();
  else if (order.leave) socket.disconnect().connect();
  else socket.emit(...order.emit, (answer) => say({ ack: answer }));
}).on("close", () => {
  // It says goodbye: who vanishes between two polls is missed only by the heartbeat.
  socket.disconnect();
  setTimeout(() => process.exit(0), 300);
});
