// Socket.IO on a listening socket that the benchmark opened: `server.js --fd N` of each peer starts here.
'use strict';
const http = require('node:http');
const { Server } = require('socket.io');

/** Serve Socket.IO at its fastest: no compression (the default), nothing else served. Nobody is let in before `prepare`
 *  has registered its handlers, which may wait for other services. */
async function serveSocketIo(descriptor, prepare) {
  const web = http.createServer((request, response) => response.writeHead(404).end());
  const io = new Server(web, { serveClient: false, perMessageDeflate: false, httpCompression: false });
  await prepare(io);
  web.listen({ fd: Number(descriptor) });
}

/** Let several processes share their rooms, as the documentation of @socket.io/redis-adapter shows it. */
async function useRedis(io, url) {
  const { createClient } = require('redis');
  const { createAdapter } = require('@socket.io/redis-adapter');
  const publisher = createClient(clientOptions(url));
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

/** node-redis wants the path of a unix socket apart. */
function clientOptions(url) {
  if (!url.startsWith('unix:')) return { url };
  return { socket: { path: decodeURIComponent(new URL(url).pathname) } };
}

module.exports = { serveSocketIo, useRedis };
