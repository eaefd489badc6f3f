// Stock GraphQL clients behind one face: each function gives {execute, follow, close}.
//
// `execute({query, variables})` gives {data, errors}. `follow({query, variables}, sink)` subscribes, with a sink of
// `next({data, errors})`, `error(errors)` and `complete()`, and gives a function that ends it.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { createPersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import UploadHttpLink from "apollo-upload-client/UploadHttpLink.mjs";
import { OperationTypeNode, parse } from "graphql";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import { createHash } from "node:crypto";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // a browser has it, and Apollo's link looks at it; Node has it from 22 on

const retry = { retryAttempts: 600, retryWait: () => new Promise((done) => setTimeout(done, 100)) };
const bearer = (token) => `Bearer ${token}`;

// Clients report what ended an operation in ways of their own; what the server said about it is a list of errors.
function errorsOf(problem) {
  if (Array.isArray(problem)) return problem;
  const errors = problem.errors ?? problem.graphQLErrors;
  if (errors?.length) return errors.map(({ message, extensions }) => ({ message, extensions }));
  return [{ message: problem.message || problem.reason, closeCode: problem.code ?? problem.networkError?.code }];
}

const settled = ({ data, error }) => (error ? { data: data ?? null, errors: errorsOf(error) } : { data });

// A subscription client's way to run a query: its only result.
const once = (subscribe) => (operation) =>
  new Promise((resolve) => {
    let result;
    subscribe(operation, {
      next: (value) => (result = value),
      error: (problem) => resolve({ errors: errorsOf(problem) }),
      complete: () => resolve(result),
    });
  });

function wsClient(url, token, say) {
  return createWsClient({
    url: url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: bearer(token()) }),
    ...retry,
    shouldRetry: () => true, // by itself it retries after a lost connection, but not when nobody answers yet
    on: {
      connected: () => say({ state: "connected" }),
      closed: ({ code, reason }) => say({ state: "closed", code, reason }),
    },
  });
}

export function graphqlWs(url, token, say) {
  const client = wsClient(url, token, say);
  const subscribe = (operation, sink) =>
    client.subscribe(operation, { ...sink, error: (problem) => sink.error(errorsOf(problem)) });
  return { execute: once(subscribe), follow: subscribe, close: () => client.dispose() };
}

export function graphqlSse(url, token) {
  const headers = () => ({ authorization: bearer(token()) });
  const client = createSseClient({ url, headers, singleConnection: false, ...retry });
  const subscribe = (operation, sink) =>
    client.subscribe(operation, { ...sink, error: (problem) => sink.error(errorsOf(problem)) });
  return { execute: once(subscribe), follow: subscribe, close: () => client.dispose() };
}

function apolloOver(link) {
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const options = { fetchPolicy: "no-cache", errorPolicy: "all" };
  return {
    execute: async ({ query, variables }) => {
      const document = parse(query);
      const isMutation = document.definitions[0].operation === OperationTypeNode.MUTATION;
      return settled(
        await (isMutation
          ? client.mutate({ mutation: document, variables, ...options })
          : client.query({ query: document, variables, ...options })),
      );
    },
    follow: ({ query, variables }, sink) => {
      const following = client.subscribe({ query: parse(query), variables, ...options }).subscribe({
        ...sink,
        next: (result) => sink.next(settled(result)),
        error: (problem) => sink.error(errorsOf(problem)),
      });
      return () => following.unsubscribe();
    },
    close: () => {},
  };
}

export function apollo(url, token, say) {
  const ws = wsClient(url, token, say);
  const http = new HttpLink({ uri: url, headers: { authorization: bearer(token()) } });
  const isSubscription = ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION;
  return {
    ...apolloOver(ApolloLink.split(isSubscription, new GraphQLWsLink(ws), http)),
    close: () => ws.dispose(),
  };
}

// Documents by their hash, queries by GET; says of each request whether the document was sent.
export function apolloPersisted(url, token, say) {
  const observed = (input, init) => {
    const asked = init.method === "GET" ? Object.fromEntries(new URL(input).searchParams) : JSON.parse(init.body);
    say({ request: init.method, hasDocument: "query" in asked });
    return fetch(input, init);
  };
  const http = new HttpLink({ uri: url, headers: { authorization: bearer(token()) }, fetch: observed });
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  return apolloOver(ApolloLink.from([createPersistedQueryLink({ sha256, useGETForHashedQueries: true }), http]));
}

// Variables with `{"$file": text, name}` in them are uploaded.
export function apolloUpload(url, token) {
  const client = apolloOver(new UploadHttpLink({ uri: url, headers: { authorization: bearer(token()) } }));
  const withFiles = (text) =>
    JSON.parse(text, (_, value) => (value?.$file === undefined ? value : new File([value.$file], value.name)));
  return {
    ...client,
    execute: ({ query, variables }) => client.execute({ query, variables: withFiles(JSON.stringify(variables)) }),
  };
}

function urqlOver(exchanges, options, token, url) {
  const client = new Client({
    url,
    exchanges,
    requestPolicy: "network-only",
    fetchOptions: () => ({ headers: { authorization: bearer(token()) } }),
    ...options,
  });
  return {
    execute: async ({ query, variables }) => {
      const isMutation = parse(query).definitions[0].operation === OperationTypeNode.MUTATION;
      return settled(await (isMutation ? client.mutation(query, variables) : client.query(query, variables)).toPromise());
    },
    follow: ({ query, variables }, sink) => {
      const following = client.subscription(query, variables).subscribe((result) => sink.next(settled(result)));
      return () => following.unsubscribe();
    },
    close: () => {},
  };
}

export function urql(url, token, say) {
  const ws = wsClient(url, token, say);
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: ws.subscribe({ ...request, query: request.query ?? "" }, sink) }),
  });
  return {
    ...urqlOver([fetchExchange, subscriptionExchange({ forwardSubscription })], {}, token, url),
    close: () => ws.dispose(),
  };
}

// urql's own subscriptions by server-sent events. It does not reconnect by itself.
export const urqlSse = (url, token) => urqlOver([fetchExchange], { fetchSubscriptions: true }, token, url);
