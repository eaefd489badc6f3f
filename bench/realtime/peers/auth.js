// Access tokens as Parley signs them (JWT, HS256): signature and time.
'use strict';
const crypto = require('node:crypto');

const KEY = process.env.SECRET_KEY;

/** The claims of a token that holds; throws for any other. */
function claimsOf(token) {
  const [header, payload, signature] = String(token).split('.');
  const mac = crypto.createHmac('sha256', KEY).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature ?? '', 'base64url');
  if (given.length !== mac.length || !crypto.timingSafeEqual(given, mac)) throw new Error('unauthenticated');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  if (claims.exp * 1000 < Date.now()) throw new Error('expired');
  return claims;
}

module.exports = { claimsOf };
