// A real OpenID Connect provider (oidc-provider, a certified implementation) with a few people, for the tests.
// Prints its address once it listens. `POST /test/rotate` begins to sign with a new key; `?drop=1` forgets the old ones.
// `POST /test/hang?seconds=N` makes its documents slow to come. It ends when its standard input does.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import * as jose from 'jose';
import Provider, { errors } from 'oidc-provider';

const PEOPLE = {
  dana: { groups: ['data-science'], purpose: ['analytics', 'fine-tuning'] },
  sam: { groups: ['support'], purpose: ['ticket'] },
  olga: { groups: ['owner', 'dba'] },
};
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const RESOURCE = 'urn:sluice';
const ACCESS_SECONDS = Number(process.env.ACCESS_SECONDS ?? 600);

const CLIENTS = [
  {
    client_id: 'sluice-cli', application_type: 'native', token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'], redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/requests/callback'],
  },
  {
    client_id: 'nightly', client_secret: 'not-a-secret-of-anybody', grant_types: ['client_credentials'],
    response_types: [], redirect_uris: [], token_endpoint_auth_method: 'client_secret_post',
  },
  ...['trainer', 'helper'].map((client_id) => ({
    client_id, client_secret: 'not-a-secret-of-anybody', grant_types: [EXCHANGE],
    response_types: [], redirect_uris: [], token_endpoint_auth_method: 'client_secret_post',
  })),
];

async function freshKey() {
  const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function configuration(keys, logout) {
  return {
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    clients: logout ? CLIENTS.map((client) => (client.client_id === 'sluice-cli' ? { ...client, backchannel_logout_uri: logout } : client)) : CLIENTS,
    scopes: ['openid', 'offline_access', 'groups'],
    claims: { openid: ['sub'], groups: ['groups'] },
    clientAuthMethods: ['none', 'client_secret_post', 'client_secret_basic'],
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'groups', audience: 'sluice', accessTokenTTL: ACCESS_SECONDS, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    findAccount: (ctx, id) => (Object.hasOwn(PEOPLE, id) ? { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) } : undefined),
    extraTokenClaims: (ctx, token) => ({ ...(PEOPLE[token.accountId] ?? { groups: ['machines'] }), ...token.act }),
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    pkce: { required: () => true },
    // By itself it tells nobody on loopback that somebody logged out.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  };
}

// RFC 8693: a client that may act for people changes their token for one that says so.
async function exchange(ctx) {
  const { AccessToken } = ctx.oidc.provider;
  let given;
  try {
    const published = jose.createLocalJWKSet({ keys: keys.map(({ kty, n, e, kid, alg }) => ({ kty, n, e, kid, alg })) });
    given = (await jose.jwtVerify(String(ctx.oidc.params.subject_token), published, { issuer, audience: 'sluice' })).payload;
  } catch (error) {
    throw new errors.InvalidGrant(`the subject token is not valid: ${error.message}`);
  }
  const token = new AccessToken({ accountId: given.sub, client: ctx.oidc.client, grantId: 'exchanged', gty: 'exchange', scope: 'groups' });
  token.resourceServer = new ctx.oidc.provider.ResourceServer(RESOURCE, {
    scope: 'groups', audience: 'sluice', accessTokenTTL: ACCESS_SECONDS, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
  });
  const act = { sub: ctx.oidc.client.clientId, groups: ['training'], ...(given.act ? { act: given.act } : {}) };
  token.act = { act, ...(ctx.oidc.params.purpose ? { purpose: [ctx.oidc.params.purpose] } : {}) };
  ctx.body = { access_token: await token.save(), token_type: 'Bearer', expires_in: ACCESS_SECONDS,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' };
}

let serving;
let slow = 0;
let keys = [await freshKey()];
let logout = null;
const server = createServer((request, answer) => {
  const address = new URL(request.url, 'http://127.0.0.1');
  if (address.pathname.startsWith('/test/')) return void command(address).then(() => answer.writeHead(204).end());
  const documents = address.pathname.startsWith('/.well-known/') || address.pathname === '/jwks';
  setTimeout(() => serving(request, answer), documents ? slow * 1000 : 0);
});

async function command(address) {
  if (address.pathname === '/test/rotate') {
    keys = [await freshKey(), ...(address.searchParams.get('drop') ? [] : keys)];
  } else if (address.pathname === '/test/hang') {
    slow = Number(address.searchParams.get('seconds'));
  } else if (address.pathname === '/test/logout') {
    logout = address.searchParams.get('uri');
  }
  build();
}

function build() {
  const provider = new Provider(issuer, configuration(keys, logout));
  provider.registerGrantType(EXCHANGE, exchange, ['subject_token', 'subject_token_type', 'purpose'], []);
  provider.on('server_error', (ctx, error) => console.error(error));
  provider.on('backchannel.error', (ctx, error) => console.error(error));
  serving = provider.callback();
}

await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
build();
process.stdin.on('end', () => process.exit(0)).resume();
console.log(issuer);
