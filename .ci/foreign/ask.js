// Asks a running ledger with nats.js and nothing of ours: the status, a contract's
// schema, and a query in JSON. The first argument is the client node's address.
const { connect, StringCodec } = require("nats");
const assert = require("assert");

async function main() {
  const nc = await connect({ servers: process.argv[2] });
  const text = StringCodec();
  const ask = async (subject, body) => {
    const reply = await nc.request(subject, text.encode(JSON.stringify(body)), { timeout: 5000 });
    return JSON.parse(text.decode(reply.data));
  };
  const status = await ask("concordat.status", {});
  assert.strictEqual(status.summary, "the ledger is running");
  assert.strictEqual(status.replicas.length, 4);
  const { contracts } = await ask("concordat.lookup", { contract: "token" });
  const schema = JSON.parse(Buffer.from(contracts[0].schema, "base64"));
  assert.ok(schema.methods.some((m) => m.name === "transfer"));
  const reply = await ask("concordat.query", { contract: "token", method: "info" });
  assert.deepStrictEqual(JSON.parse(reply.output_json), { symbol: "EUR", minter: "admin@org0", supply: "0", holders: "0" });
  const refused = await ask("concordat.query", { contract: "nowhere", method: "x" });
  assert.strictEqual(refused.error.refusal, "REFUSAL_NOT_FOUND");
  console.log(`nats.js sees ${status.replicas.length} replicas at height ${status.height}, and the token ${reply.output_json}`);
  await nc.close();
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
