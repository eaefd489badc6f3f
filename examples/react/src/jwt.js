/** When a JWT ends, in milliseconds since 1970. */
export function expiresAt(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(payload)).exp * 1000;
}
