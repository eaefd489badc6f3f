// Many stock socket.io-clients in one room. Arguments: the URL, a token, the room, how many, and the transports if they are not to
// be the client's own choice. Lines of JSON on its input: {"send": text} lets each of them send `<text> <its number>`, until that is
// acknowledged. Lines of its output: {"client", "joined": id of the engine's session, "transport"} after each connect,
// {"client", "upgrade"}, {"client", "sent"} and {"client", "heard"} with a text, {"client", "lost": reason}.
const readline = require("node:readline");
const { io } = require("socket.io-client");

const [url, token, room, count, ...transports] = process.argv.slice(2);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const choice = transports.length ? { transports } : {};

function start(client) {
  const socket = io(url, {
    auth: { token }, ...choice, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500,
  });
  let since = null;
  const ask = (event, ...rest) => {
    const done = rest.pop();
    socket.timeout(3000).emit(event, ...rest, (late, answer) => (late ? ask(event, ...rest, done) : done(answer)));
  };
  socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => say({ client, upgrade: transport.name })));
  socket.on("connect", () => {
    const { id, transport } = socket.io.engine;
    ask("join-room", room, since === null ? {} : { since }, (answer) => {
      since ??= answer.version;
      say({ client, joined: id, transport: transport.name });
    });
  });
  socket.on("disconnect", (reason) => say({ client, lost: reason }));
  socket.on("new-message", (message) => {
    since = Math.max(since ?? 0, message.version);
    say({ client, heard: message.text });
  });
  return (text) => {
    const message = { text: `${text} ${client}`, clientId: `${text}-${client}-${token.slice(-8)}` };
    ask("send-message", room, message, (answer) => say({ client, sent: answer.ok ? message.text : answer }));
  };
}

const senders = Array.from({ length: Number(count) }, (_, client) => start(client));
readline.createInterface({ input: process.stdin })
  .on("line", (line) => senders.forEach((send) => send(JSON.parse(line).send)))
  .on("close", () => process.exit(0));
