// A stock client, told what to do by lines of JSON on its input: {"id", "execute": {query, variables}}, {"id", "follow":
// {query, variables}}, {"id", "stop": true}, {"token"} (for connections from now on). Each line of its output is what
// happened: {"id", "result"}, {"id", "next"}, {"id", "errors"}, {"id", "complete"}, {"state", "code"}.
// Arguments: the library (a name of libraries.mjs), the URL of /graphql, the token.
//
// Where a subscription has the variable `since`, it is the highest version seen, as often as the client reads it.
import { createInterface } from "node:readline";
import * as libraries from "./libraries.mjs";

const [name, url, firstToken] = process.argv.slice(2);
let token = firstToken;
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const client = libraries[name](url, () => token, say);
const running = new Map();

function live(variables) {
  if (variables?.since === undefined) return { variables, see: () => {} };
  let seen = variables.since;
  const { since, ...others } = variables;
  const watched = Object.defineProperty(others, "since", { enumerable: true, get: () => seen });
  return { variables: watched, see: (version) => (seen = Math.max(seen, version ?? 0)) };
}

function follow(id, { query, variables }) {
  const { variables: watched, see } = live(variables);
  const stop = client.follow(
    { query, variables: watched },
    {
      next: (result) => {
        see(result.data?.messageAdded?.version);
        say({ id, next: result });
      },
      error: (errors) => say({ id, errors }),
      complete: () => say({ id, complete: true }),
    },
  );
  running.set(id, stop);
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const order = JSON.parse(line);
    if (order.token) token = order.token;
    else if (order.stop) running.get(order.id)();
    else if (order.follow) follow(order.id, order.follow);
    else say({ id: order.id, result: await client.execute(order.execute) });
  })
  .on("close", () => {
    client.close();
    setTimeout(() => process.exit(0), 100);
  });
