// node subscriptions.js FD: the reference server of graphql-transport-ws, with the posts of Parley in its own tables.
'use strict';
const http = require('node:http');
const { useServer } = require('graphql-ws/use/ws');
const { createSchema } = require('graphql-yoga');
const { WebSocketServer } = require('ws');
const { contextOf, pool, resolvers, typeDefs } = require('./schema');

const followers = new Map(); // room id to the queues of those who follow it

/** What is posted in the room from now on. */
function follow(roomId) {
  const queue = { waiting: [], wake: null };
  if (!followers.has(roomId)) followers.set(roomId, new Set());
  followers.get(roomId).add(queue);
  return {
    [Symbol.asyncIterator]() { return this; },
    async next() {
      while (!queue.waiting.length) await new Promise((resolve) => { queue.wake = resolve; });
      return { value: { messageAdded: queue.waiting.shift() }, done: false };
    },
    async return() {
      followers.get(roomId).delete(queue);
      return { value: undefined, done: true };
    },
  };
}

function publish(roomId, message) {
  for (const queue of followers.get(roomId) ?? []) {
    queue.waiting.push(message);
    queue.wake?.();
  }
}

async function sendMessage(_, { input: { roomId, text, clientId } }, context) {
  const author = await context.users.load(context.userId);
  const { rows: [row] } = await pool.query({
    name: 'post',
    text: 'SELECT status, id, version, created_at FROM bench_post_message($1, $2, $3, $4, $5, $6)',
    values: [context.userId, Number(roomId), clientId, text, `<p>${text}</p>\n`, []],
  });
  if (row.status === 'denied') throw new Error('not found');
  const message = { id: row.id, text, version: row.version, createdAt: row.created_at, author };
  if (row.status === 'new') publish(roomId, message);
  return message;
}

async function subscribe(_, { roomId }, context) {
  const { rowCount } = await pool.query({
    name: 'member',
    text: 'SELECT 1 FROM chat_membership WHERE room_id = $1 AND user_id = $2',
    values: [Number(roomId), context.userId],
  });
  if (!rowCount) throw new Error('not found');
  return follow(roomId);
}

const schema = createSchema({
  typeDefs,
  resolvers: { ...resolvers, Mutation: { sendMessage }, Subscription: { messageAdded: { subscribe } } },
});
const web = http.createServer((request, response) => response.writeHead(404).end());
useServer(
  { schema, context: ({ connectionParams }) => contextOf(connectionParams?.authorization) },
  new WebSocketServer({ server: web, path: '/graphql', perMessageDeflate: false }),
);
web.listen({ fd: Number(process.argv[2]) });
