// node apollo.js FD: Apollo Server 5, standalone, as its documentation starts it.
'use strict';
const { ApolloServer } = require('@apollo/server');
const { startStandaloneServer } = require('@apollo/server/standalone');
const { contextOf, resolvers, typeDefs } = require('./schema');

const server = new ApolloServer({ typeDefs, resolvers });
startStandaloneServer(server, {
  listen: { fd: Number(process.argv[2]) },
  context: async ({ req }) => contextOf(req.headers.authorization),
});
