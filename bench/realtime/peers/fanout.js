// node fanout.js FD [redis]: what one client says, everybody in the room gets. Tokens are verified, nothing is stored.
'use strict';
const { claimsOf } = require('./auth');
const { serveSocketIo, useRedis } = require('./server');

const [descriptor, adapter] = process.argv.slice(2);
const versions = new Map();

function handleEvents(io) {
  io.use((socket, next) => {
    try {
      socket.data.claims = claimsOf(socket.handshake.auth.token);
      next();
    } catch (error) {
      next(error);
    }
  });
  io.on('connection', (socket) => {
    socket.on('join-room', (roomId, acknowledge) => {
      socket.join(`room.${roomId}`);
      acknowledge({ ok: true, version: versions.get(roomId) ?? 0 });
    });
    socket.on('broadcast', (roomId, text) => {
      const version = (versions.get(roomId) ?? 0) + 1;
      versions.set(roomId, version);
      io.to(`room.${roomId}`).emit('new-message', { roomId, version, text });
    });
  });
}

serveSocketIo(descriptor, async (io) => {
  if (adapter === 'redis') await useRedis(io, process.env.REDIS_URL);
  handleEvents(io);
});
