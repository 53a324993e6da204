// Uses the client that was generated from the token's schema on a running ledger: types that a
// compiler checks, queries over nats.js, and transactions that the program concordat signs.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { connect, StringCodec } from "nats";
import * as token from "./token";

async function main(): Promise<void> {
  const [url, program, dir] = process.argv.slice(2);
  const nc = await connect({ servers: url });
  const text = StringCodec();
  const ask: token.Ask = async (subject, body) => text.decode((await nc.request(subject, text.encode(body), { timeout: 5000 })).data);
  const submit = (as: string, args: string[]) => JSON.parse(execFileSync(program, [...args, "--as", as, "--url", url, "--dir", dir], { encoding: "utf8" }));

  assert.equal(submit("admin@org0", token.mint({ to: "alice@org0", amount: "340282366920938463463374607431768211455" })).status, "ok");
  const paid = submit("alice@org0", token.transfer({ to: "bob@org1", amount: "5", memo: Buffer.from("lunch").toString("base64") }));
  assert.equal(paid.status, "ok");
  assert.ok(paid.verified);
  assert.equal((await token.balanceOf(ask, { party: "bob@org1" })).amount, "5");
  assert.equal((await token.balanceOf(ask, { party: "alice@org0" })).amount, "340282366920938463463374607431768211450");
  const info: token.InfoOut = await token.info(ask);
  assert.equal(info.holders, "2");
  await assert.rejects(token.info(ask, {}, "nowhere"), token.Refused);
  console.log(`the generated client moved ${paid.events.length} payment and sees ${info.holders} holders`);
  await nc.close();
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
