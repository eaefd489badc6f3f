// The audits of graphql-http against a running server: `node audits.mjs <url> <token>` prints {name, status, reason} of
// each as JSON. They ask for parts of the schema, which only who is signed in may do.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (input, init) =>
  fetch(input, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token}` } });
const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { name, status, reason } = await audit.fn();
  results.push({ name, status, reason });
}
process.stdout.write(JSON.stringify(results));
