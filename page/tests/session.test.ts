import assert from "node:assert/strict";
import { test } from "node:test";
import { authorization, keep, renew, signIn } from "../src/session";
import { addressOf, codeOf } from "../src/sign-in";

const SETTINGS = { authorization_endpoint: "https://issuer.example/authorize?tenant=a", client_id: "page", scope: "openid", audience: "" };
const BEGUN = { state: "the-state", verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", hash: "" };

/** Answers of the service to what the page sends, in order. */
function answering(...answers: [number, unknown][]): string[] {
  const sent: string[] = [];
  globalThis.fetch = async (_, options) => {
    sent.push(String(options?.body));
    const [status, body] = answers.shift() ?? [500, {}];
    return new Response(JSON.stringify(body), { status });
  };
  return sent;
}

test("the issuer is asked with the challenge of the verifier, as RFC 7636 has it in its appendix B", async () => {
  const url = new URL(await addressOf(SETTINGS, BEGUN, "https://tunelet.example/"));
  assert.equal(url.searchParams.get("code_challenge"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  assert.equal(url.searchParams.get("state"), "the-state");
  assert.equal(url.searchParams.get("tenant"), "a");
  assert.ok(!url.href.includes(BEGUN.verifier));
});

test("an address that is none of the web is not opened", async () => {
  await assert.rejects(addressOf({ ...SETTINGS, authorization_endpoint: "javascript:alert(1)" }, BEGUN, ""), /no address to sign in at/);
});

test("a code counts only with the state of a sign-in that was begun", () => {
  const given = new URLSearchParams("code=c&state=the-state");
  assert.equal(codeOf(given, BEGUN), "c");
  assert.throws(() => codeOf(given, null), /not begun in this tab/);
  assert.throws(() => codeOf(given, { ...BEGUN, state: "another" }), /not begun in this tab/);
  assert.throws(() => codeOf(new URLSearchParams("error=access_denied&state=the-state"), BEGUN), /access_denied/);
});

test("a token is sent until it ends soon, then renewed once for all that wait", async () => {
  keep({ token: "first", expires_in: 100, refresh_token: "r" }, 0);
  assert.deepEqual(await authorization(60_000), { Authorization: "Bearer first" });
  const sent = answering([200, { token: "second", expires_in: 1e9, refresh_token: null }]);
  const both = await Promise.all([authorization(80_000), authorization(80_000)]);
  assert.deepEqual(both, [{ Authorization: "Bearer second" }, { Authorization: "Bearer second" }]);
  assert.deepEqual(sent, ['{"refresh_token":"r"}']);
});

test("a sign-in that the issuer has ended is not renewed again, one that did not answer is", async () => {
  keep({ token: "first", expires_in: 1e9, refresh_token: "r" });
  const sent = answering([503, {}], [403, {}], [200, {}]);
  assert.deepEqual([await renew(), await renew(), await renew()], [false, false, false]);
  assert.equal(sent.length, 2);
});

test("a pasted token has no end, and the sign-in before it is not renewed", async () => {
  keep({ token: "first", expires_in: 1e9, refresh_token: "r" });
  signIn("pasted");
  const sent = answering([200, { token: "renewed", expires_in: 1e9, refresh_token: null }]);
  assert.equal(await renew(), false);
  assert.deepEqual(sent, []);
  assert.deepEqual(await authorization(1e15), { Authorization: "Bearer pasted" });
});

test("a token that is pasted while the one before is renewed is kept", async () => {
  keep({ token: "first", expires_in: 1e9, refresh_token: "r" });
  answering([200, { token: "renewed", expires_in: 1e9, refresh_token: "s" }]);
  const renewal = renew();
  signIn("pasted");
  await renewal;
  assert.deepEqual(await authorization(), { Authorization: "Bearer pasted" });
});

test("a token that lives shortly is renewed halfway, not with each request", async () => {
  keep({ token: "short", expires_in: 20, refresh_token: "r" }, 0);
  const sent = answering([200, { token: "second", expires_in: 1e9, refresh_token: null }]);
  assert.deepEqual(await authorization(9_000), { Authorization: "Bearer short" });
  assert.deepEqual(sent, []);
  assert.deepEqual(await authorization(10_000), { Authorization: "Bearer second" });
});
