// ioredis against a server: its address and port are the arguments.
const assert = require("node:assert");
const Redis = require("ioredis");

async function main([host, port]) {
  const options = { host, port: Number(port), maxRetriesPerRequest: 1 };
  const client = new Redis(options);
  await client.flushall();
  assert.strictEqual(await client.set("k", "v"), "OK");
  assert.strictEqual(await client.get("k"), "v");
  assert.strictEqual(await client.get("none"), null);
  await client.hset("h", { f: "1", g: "2" });
  assert.deepStrictEqual(await client.hgetall("h"), { f: "1", g: "2" });
  await client.zadd("z", 1.5, "a", 2, "b");
  assert.deepStrictEqual(await client.zrange("z", 0, -1, "WITHSCORES"), ["a", "1.5", "b", "2"]);
  await assert.rejects(client.incr("k"), /ERR value is not an integer or out of range/);
  const numbers = await Promise.all(Array.from({ length: 1000 }, () => client.incr("n")));
  assert.strictEqual(Math.max(...numbers), 1000);
  assert.deepStrictEqual(await client.multi().set("a", 1).incr("a").exec(), [[null, "OK"], [null, 2]]);
  const binary = Buffer.alloc(1 << 20, "\r\n\0x");
  await client.set("binary", binary);
  assert.ok(binary.equals(await client.getBuffer("binary")));

  const subscriber = new Redis(options);
  await subscriber.subscribe("news");
  const heard = new Promise((resolve) => subscriber.on("message", (channel, text) => resolve([channel, text])));
  assert.strictEqual(await client.publish("news", "hello"), 1);
  assert.deepStrictEqual(await heard, ["news", "hello"]);

  const waiter = new Redis(options);
  const popped = waiter.blpop("queue", 20);
  await client.rpush("queue", "first");
  assert.deepStrictEqual(await popped, ["queue", "first"]);
  await Promise.all([client, subscriber, waiter].map((one) => one.quit()));
  console.log("ioredis is content");
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
