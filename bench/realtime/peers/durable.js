// node durable.js FD MODE [redis]: posts with the guarantees of Parley, in Parley's own tables.
//
// A post is acknowledged and shown to others after its commit. In one transaction: the author is a member, the room's
// version rises under its row lock, the client's id makes a retry harmless, mentions and jobs are rows.
// MODE: tx     one statement after the other in a transaction
//       fn     one call of a SQL function made for it (post_message.sql)
//       list   one call of Parley's function, with lists of one
//       batch  what waits goes into the next call of Parley's function
'use strict';
const crypto = require('node:crypto');
const { Pool, types } = require('pg');
const { claimsOf } = require('./auth');
const { serveSocketIo, useRedis } = require('./server');
const { writers } = require('./writers');

types.setTypeParser(20, Number); // bigint
const [descriptor, mode, adapter] = process.argv.slice(2);
const CONNECTIONS = 10; // the default of `pg`
const pool = new Pool({ max: CONNECTIONS, idleTimeoutMillis: 0 });
const write = writers[mode](pool);
const MENTION = /(?<![\w@/.+-])@(\w(?:[\w.+-]{0,148}\w)?)/g;
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The user behind a token, if account, password and sign-in are still good. */
async function findUser(token) {
  const claims = claimsOf(token);
  const { rows } = await pool.query({
    name: 'user',
    text: `SELECT u.id, u.username, u.display_name, u.is_bot, u.password FROM chat_user u
           JOIN chat_signin s ON s.id = $2 AND s.user_id = u.id AND s.revoked_at IS NULL
           WHERE u.id = $1 AND u.is_active`,
    values: [claims.user_id, claims.sid],
  });
  const hash = rows.length && crypto.createHash('md5').update(rows[0].password).digest('hex').toUpperCase();
  if (!rows.length || hash !== claims.hash_password) throw new Error('unauthenticated');
  return rows[0];
}

/** The version of a room that the user is a member of. */
async function enterRoom(user, roomId) {
  const { rows } = await pool.query({
    name: 'enter',
    text: `SELECT r.version FROM chat_room r JOIN chat_membership m ON m.room_id = r.id AND m.user_id = $2
           WHERE r.id = $1`,
    values: [roomId, user.id],
  });
  if (!rows.length) throw new Error('not found');
  return rows[0].version;
}

function checkedPost(user, roomId, { text, clientId, parentId = null }) {
  const clean = String(text).trim();
  if (!clean || clean.length > 20000 || parentId !== null) throw new Error('bad input');
  if (typeof clientId !== 'string' || !clientId || clientId.length > 64) throw new Error('bad input');
  const names = clean.includes('@') ? [...new Set([...clean.matchAll(MENTION)].map((found) => found[1].toLowerCase()))] : [];
  const html = `<p>${clean.replace(/[&<>"]/g, (character) => ESCAPES[character])}</p>\n`;
  return { author: user.id, roomId: Number(roomId), clientId, text: clean, html, names };
}

/** The wire form of a message, as Parley has it. */
function payload(user, post, row) {
  return {
    id: String(row.id), roomId: String(post.roomId), version: row.version, kind: 'person',
    author: { id: String(user.id), username: user.username, displayName: user.display_name || user.username, isBot: user.is_bot },
    text: post.text, html: post.html, status: 'final', error: null, citations: [], reactions: [], parentId: null,
    clientId: post.clientId, deltaIndex: 0, createdAt: row.created_at.toISOString(), editedAt: null, deletedAt: null,
  };
}

/** Answer with what `work` gives, or say that it failed. */
async function answer(acknowledge, work) {
  try {
    acknowledge({ ok: true, ...(await work()) });
  } catch (error) {
    acknowledge({ ok: false, error: { code: 'INTERNAL', message: error.message } });
  }
}

function handleEvents(io) {
  io.use((socket, next) => {
    findUser(socket.handshake.auth.token).then((user) => { socket.data.user = user; next(); }, next);
  });
  io.on('connection', (socket) => {
    const { user } = socket.data;
    socket.on('join-room', (roomId, acknowledge) => answer(acknowledge, async () => {
      const version = await enterRoom(user, roomId);
      socket.join(`room.${roomId}`);
      return { version };
    }));
    socket.on('send-message', (roomId, content, acknowledge) => answer(acknowledge, async () => {
      const post = checkedPost(user, roomId, content);
      const row = await write(post);
      const message = payload(user, post, row);
      if (row.status === 'new') io.to(`room.${roomId}`).emit('new-message', message);
      return { message };
    }));
  });
}

serveSocketIo(descriptor, async (io) => {
  if (adapter === 'redis') await useRedis(io, process.env.REDIS_URL);
  // Connections are made before the measurement, as Parley's pool does.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query('SELECT pg_sleep(0.05)')));
  handleEvents(io);
});
