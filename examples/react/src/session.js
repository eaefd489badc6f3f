// Signing in with a password, and access tokens that hold. Kept in memory: a reload signs out, and no script finds them later.

import { expiresAt } from "./jwt.js";

const REFRESH_BEFORE_MS = 65_000; // a little earlier than the hook renews, so that a renewal always gets a new one

/** What the server refused; `code` is one of docs/protocols.md. */
export class Refused extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Session {
  #url;
  #tokens;
  #refreshing = null;

  constructor(url, tokens) {
    this.#url = url;
    this.#tokens = tokens;
  }

  static async signIn(url, username, password) {
    return new Session(url, await post(`${url}/api/token/`, { username, password }));
  }

  /** An access token that holds for a while; several callers at once share one refresh, which spends its token. */
  getToken = async () => {
    if (expiresAt(this.#tokens.access) - Date.now() > REFRESH_BEFORE_MS) return this.#tokens.access;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    await this.#refreshing;
    return this.#tokens.access;
  };

  /** The rooms one may read, by GraphQL. */
  async rooms() {
    const query = "{ rooms(first: 100) { edges { node { id name } } } }";
    const { data, errors } = await post(`${this.#url}/graphql`, { query }, await this.getToken());
    if (errors) throw new Refused({ code: errors[0].extensions?.code, message: errors[0].message });
    return data.rooms.edges.map((edge) => edge.node);
  }

  async signOut() {
    await post(`${this.#url}/api/token/revoke/`, { refresh: this.#tokens.refresh });
  }

  async #refresh() {
    this.#tokens = await post(`${this.#url}/api/token/refresh/`, { refresh: this.#tokens.refresh });
  }
}

async function post(url, body, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error ?? { code: "UNAVAILABLE", message: "The server does not answer." });
  return answer;
}
