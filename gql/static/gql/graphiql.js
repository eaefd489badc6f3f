"use strict";

// GraphiQL over this page's own address: operations by fetch, subscriptions by graphql-transport-ws, both with the
// browser's session. A token typed into the headers editor takes its place for operations sent by fetch.
const url = new URL("/graphql", location.href);
const socketUrl = new URL(url);
socketUrl.protocol = url.protocol.replace("http", "ws");

// A theme that was chosen in Parley is GraphiQL's, too; without a choice both follow the system.
const theme = localStorage.getItem("parley.theme");
if (theme) localStorage.setItem("graphiql:theme", theme);

const fetcher = GraphiQL.createFetcher({
  url: url.href,
  wsClient: graphqlWs.createClient({ url: socketUrl.href, lazy: true }),
});

const defaultQuery = `# Who am I, and what is said in my rooms?
{
  me { username displayName }
  rooms(first: 5) {
    edges { node { name unreadCount messages(last: 3) { edges { node { author { username } text } } } } }
  }
}
`;

// The package ships React 17, which has no createRoot.
ReactDOM.render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }),
  document.getElementById("graphiql"),
);
