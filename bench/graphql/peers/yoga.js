// node yoga.js FD: graphql-yoga on Node's own HTTP server.
'use strict';
const http = require('node:http');
const { createSchema, createYoga } = require('graphql-yoga');
const { contextOf, resolvers, typeDefs } = require('./schema');

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: ({ request }) => contextOf(request.headers.get('authorization')),
  logging: false,
  graphiql: false,
  landingPage: false,
});
http.createServer(yoga).listen({ fd: Number(process.argv[2]) });
