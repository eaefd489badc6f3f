// A stock client against the echo server: each case prints what came of it as one line of JSON, then the client goes.
const { io } = require("socket.io-client");

const [url, name, ...transports] = process.argv.slice(2);
const open = (namespace) => io(url + namespace, { transports, reconnectionDelay: 100 });
const once = (socket, event) => new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
const bytes = (...numbers) => Buffer.from(numbers);
const readable = (value) => JSON.parse(JSON.stringify(value, (_, v) => (v?.type === "Buffer" ? { bytes: v.data } : v)));

const cases = {
  async acks() {
    const socket = open("/");
    socket.on("question", (n, answer) => answer(n + 1, { binary: bytes(9, 8) }));
    const fromServer = await new Promise((resolve) => socket.emit("message-with-ack", 1, "two", [3], (...args) => resolve(args)));
    const both = await new Promise((resolve) => socket.emit("ask-me", 41, (...args) => resolve(args)));
    socket.disconnect();
    return { fromServer, both };
  },
  async binary() {
    const socket = open("/");
    const back = once(socket, "message-back");
    socket.emit("message", bytes(1, 2, 3), { deep: [bytes(4)] }, "text");
    const acked = await new Promise((resolve) => socket.emit("message-with-ack", bytes(5), (...args) => resolve(args)));
    const received = await back;
    socket.disconnect();
    return { received, acked };
  },
  async namespaces() {
    const [one, two] = [open("/"), open("/custom")];
    await Promise.all([once(one, "connect"), once(two, "connect")]);
    const shared = one.io.engine === two.io.engine;
    const reason = once(two, "disconnect");
    two.emit("send-me-away");
    const gone = await reason;
    const [alive] = await new Promise((resolve) => one.emit("message-with-ack", "still here", (...args) => resolve(args)));
    two.connect();
    await once(two, "connect");
    two.disconnect();
    const [again] = await new Promise((resolve) => one.emit("message-with-ack", "and here", (...args) => resolve(args)));
    one.disconnect();
    return { shared, gone, alive, again };
  },
  async unknown() {
    const [one, two] = [open("/"), open("/nowhere")];
    const [error] = await once(two, "connect_error");
    const [alive] = await new Promise((resolve) => one.emit("message-with-ack", "alive", (...args) => resolve(args)));
    one.disconnect();
    return { message: error.message, active: two.active, alive };
  },
};

cases[name]().then((result) => {
  process.stdout.write(JSON.stringify(readable(result)) + "\n");
  process.exit(0);
});
