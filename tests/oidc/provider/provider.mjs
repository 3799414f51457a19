// An OpenID provider, the certified implementation `oidc-provider`, on loopback.
//
//   node provider.mjs PORT
//
// Reads one JSON object a line from its input: {jwks, people, clients, ttl}. Each replaces the
// provider; refresh tokens and sessions stay. Writes a line when the new one serves.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";
import MemoryAdapter from "./node_modules/oidc-provider/lib/adapters/memory_adapter.js";

// The memory of all providers of this process; each would have its own otherwise.
class SharedMemory extends MemoryAdapter {}

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
let answer = (_request, response) => response.writeHead(503).end();

function claimsOf(people, id) {
  return people[id] ?? { name: id, groups: [] };
}

function providerOf({ jwks, people, clients, ttl, audience, idTokenClaims }) {
  const provider = new Provider(issuer, {
    adapter: SharedMemory,
    jwks,
    clients,
    ttl,
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"] },
    conformIdTokenClaims: !idTokenClaims,
    cookies: { keys: ["of a test"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...claimsOf(people, id) }),
    }),
    extraTokenClaims: (_context, token) => claimsOf(people, token.accountId),
    issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
    rotateRefreshToken: true,
    features: {
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience,
          scope: "openid profile",
          accessTokenFormat: "jwt",
        }),
      },
    },
  });
  provider.on("server_error", (_context, error) => console.error(error));
  return provider;
}

createServer((request, response) => answer(request, response)).listen(port, "127.0.0.1");
for await (const line of createInterface({ input: process.stdin })) {
  answer = providerOf(JSON.parse(line)).callback();
  console.log("serving");
}
process.exit(0);
