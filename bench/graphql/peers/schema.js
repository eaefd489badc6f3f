// What the Node peers serve: Parley's tables behind DataLoaders, three statements for rooms, messages and authors.
'use strict';
const DataLoader = require('dataloader');
const { Pool, types } = require('pg');
const { claimsOf } = require('../../realtime/peers/auth');

types.setTypeParser(20, Number); // bigint
const pool = new Pool({ max: 10, idleTimeoutMillis: 0 }); // the default of `pg`

const typeDefs = /* GraphQL */ `
  type User { id: ID! username: String! displayName: String! }
  type Message { id: ID! text: String! version: Int! createdAt: String! author: User! }
  type MessageEdge { node: Message! }
  type MessageConnection { edges: [MessageEdge!]! }
  type Room { id: ID! name: String! messages(first: Int!): MessageConnection! }
  type RoomEdge { node: Room! }
  type RoomConnection { edges: [RoomEdge!]! }
  input SendMessageInput { roomId: ID! text: String! clientId: String! }
  type Query { me: User rooms(first: Int!): RoomConnection! }
  type Mutation { sendMessage(input: SendMessageInput!): Message! }
  type Subscription { messageAdded(roomId: ID!): Message! }
`;

async function loadUsers(ids) {
  const { rows } = await pool.query({
    name: 'users', text: 'SELECT id, username, display_name AS "displayName" FROM chat_user WHERE id = ANY($1)', values: [ids],
  });
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}

async function loadMessages(roomIds, first) {
  const { rows } = await pool.query({
    name: 'messages',
    text: `SELECT m.* FROM unnest($1::bigint[]) r(id) CROSS JOIN LATERAL (
             SELECT id, room_id, author_id, text, version, created_at AS "createdAt" FROM chat_message
             WHERE room_id = r.id ORDER BY posted_version LIMIT $2) m`,
    values: [roomIds, first],
  });
  const byRoom = new Map(roomIds.map((id) => [id, []]));
  for (const row of rows) byRoom.get(row.room_id).push(row);
  return roomIds.map((id) => byRoom.get(id));
}

/** The context of one request: whom its token names, and loaders. Throws for a token that does not hold. */
function contextOf(authorization) {
  const claims = claimsOf(String(authorization ?? '').replace(/^Bearer /, ''));
  const messages = new Map(); // by page size
  return {
    userId: Number(claims.user_id),
    users: new DataLoader(loadUsers),
    messages(first) {
      if (!messages.has(first)) messages.set(first, new DataLoader((ids) => loadMessages(ids, first)));
      return messages.get(first);
    },
  };
}

const connection = (rows) => ({ edges: rows.map((node) => ({ node })) });

const resolvers = {
  Query: {
    me: (_, __, context) => context.users.load(context.userId),
    rooms: async (_, { first }, context) => {
      const { rows } = await pool.query({
        name: 'rooms',
        text: `SELECT r.id, r.name FROM chat_room r JOIN chat_membership m ON m.room_id = r.id AND m.user_id = $1
               WHERE r.archived_at IS NULL ORDER BY r.name LIMIT $2`,
        values: [context.userId, first],
      });
      return connection(rows);
    },
  },
  Room: { messages: async (room, { first }, context) => connection(await context.messages(first).load(room.id)) },
  Message: {
    author: (message, _, context) => message.author ?? context.users.load(message.author_id),
    createdAt: (message) => message.createdAt.toISOString(),
  },
};

module.exports = { contextOf, pool, resolvers, typeDefs };
