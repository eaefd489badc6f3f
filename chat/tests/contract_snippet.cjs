// The contract's client snippet, as an application would write it. It prints what it hears, one line of JSON each.
const { io } = require("socket.io-client");

const [URL, token, id, text, ...transports] = process.argv.slice(2);
const print = (...line) => process.stdout.write(JSON.stringify(line) + "\n");

const socket = io(URL, { auth: { token }, ...(transports.length && { transports }) });
socket.on("user-joined", (userId) => print("user-joined", userId));
socket.on("new-message", (message) => {
  print("new-message", message.author.username, message.text);
  if (message.text === "bye") socket.disconnect();
});
socket.emit("join-room", id);
socket.emit("send-message", id, text);
