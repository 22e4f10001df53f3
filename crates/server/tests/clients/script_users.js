// Libraries that send Lua, against a server: its address and port are the arguments, then the names of those to run, or none for all.
const assert = require("node:assert");
const { setTimeout: sleep } = require("node:timers/promises");
const Redis = require("ioredis");

const [host, port, ...names] = process.argv.slice(2);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

async function ioredisCommands(redis) {
  redis.defineCommand("multiply", { numberOfKeys: 1, lua: "return redis.call('get', KEYS[1]) * ARGV[1]" });
  await redis.set("n", 6);
  assert.strictEqual(await redis.multiply("n", 7), 42);
  assert.strictEqual(await redis.multiply("n", 2), 12);
  await redis.script("FLUSH");
  assert.strictEqual(await redis.multiply("n", 3), 18);
  assert.deepStrictEqual(await redis.pipeline().multiply("n", 4).multiply("n", 5).exec(), [[null, 24], [null, 30]]);
  assert.deepStrictEqual(await redis.multi().multiply("n", 4).get("n").exec(), [[null, 24], [null, "6"]]);
  await assert.rejects(redis.eval("return redis.call('lpush', KEYS[1], 1)", 1, "n"), /WRONGTYPE/);
}

async function redlock(redis) {
  const Redlock = require("redlock");
  const manager = new Redlock([redis], { retryCount: 0 });
  const lock = await manager.lock("resource", 5000);
  await assert.rejects(manager.lock("resource", 5000));
  const longer = await lock.extend(20000);
  assert.ok(await redis.pttl("resource") > 5000);
  await longer.unlock();
  assert.strictEqual(await redis.exists("resource"), 0);
  await assert.rejects(longer.unlock());
}

async function rateLimiterFlexible(redis) {
  const { RateLimiterRedis } = require("rate-limiter-flexible");
  const limiter = new RateLimiterRedis({ storeClient: redis, points: 3, duration: 60 });
  for (const left of [2, 1, 0]) assert.strictEqual((await limiter.consume("who")).remainingPoints, left);
  await assert.rejects(limiter.consume("who"), (refused) => refused.remainingPoints === 0);
  assert.strictEqual((await limiter.get("who")).consumedPoints, 4);
  await limiter.delete("who");
  assert.strictEqual((await limiter.penalty("who", 2)).consumedPoints, 2);
  assert.strictEqual((await limiter.reward("who", 1)).consumedPoints, 1);
  await limiter.block("who", 10);
  await assert.rejects(limiter.consume("who"));
}

async function bullmq() {
  const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");
  const queue = new Queue("numbers", { connection });
  const events = new QueueEvents("numbers", { connection });
  await events.waitUntilReady();
  const failed = new Set();
  const worker = new Worker("numbers", async (job) => {
    if (job.data.fails && !failed.has(job.id)) {
      failed.add(job.id);
      throw new Error("once more");
    }
    await job.updateProgress(50);
    await job.log("a line");
    return job.data.n * 2;
  }, { connection, concurrency: 3 });
  const jobs = await queue.addBulk([...Array(10).keys()].map((n) => ({ name: "number", data: { n } })));
  jobs.push(await queue.add("important", { n: 10 }, { priority: 1 }));
  jobs.push(await queue.add("later", { n: 11 }, { delay: 100 }));
  jobs.push(await queue.add("failing", { n: 12, fails: true }, { attempts: 2, backoff: { type: "fixed", delay: 20 } }));
  const once = await queue.add("once", { n: 13 }, { jobId: "once" });
  assert.strictEqual((await queue.add("once", { n: 99 }, { jobId: "once" })).id, once.id);
  jobs.push(once);
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 30000)));
  assert.deepStrictEqual(results, [...Array(14).keys()].map((n) => n * 2));
  assert.strictEqual((await queue.getJobCounts("completed")).completed, 14);
  assert.strictEqual((await queue.getJobLogs(jobs[0].id)).count, 1);

  const hopeless = await queue.add("hopeless", { n: 1, fails: true }, { attempts: 1 });
  await assert.rejects(hopeless.waitUntilFinished(events, 30000), /once more/);
  await hopeless.retry();
  assert.strictEqual(await hopeless.waitUntilFinished(events, 30000), 2);

  const flow = new FlowProducer({ connection });
  const tree = await flow.add({
    name: "parent", queueName: "numbers", data: { n: 5 },
    children: [1, 2, 3].map((n) => ({ name: "child", queueName: "numbers", data: { n } })),
  });
  assert.strictEqual(await tree.job.waitUntilFinished(events, 30000), 10);
  assert.deepStrictEqual(Object.values(await tree.job.getChildrenValues()).sort(), [2, 4, 6]);

  await queue.upsertJobScheduler("ticking", { every: 100 }, { name: "tick", data: { n: 7 } });
  const before = (await queue.getJobCounts("completed")).completed;
  for (let waited = 0; (await queue.getJobCounts("completed")).completed < before + 2; waited += 20) {
    assert.ok(waited < 20000, "the scheduler ticks");
    await sleep(20);
  }
  await queue.removeJobScheduler("ticking");
  await queue.pause();
  assert.strictEqual(await queue.isPaused(), true);
  await queue.resume();
  await worker.close();
  assert.ok((await queue.clean(0, 5, "completed")).length === 5);
  const left = await queue.add("left", { n: 1 });
  await left.changePriority({ priority: 3 });
  await left.remove();
  await queue.add("left", { n: 1 }, { delay: 60000 });
  await queue.promoteJobs();
  await queue.drain(true);
  await queue.obliterate({ force: true });
  await flow.close();
  await events.close();
  await queue.close();
}

async function main() {
  for (const task of [ioredisCommands, redlock, rateLimiterFlexible, bullmq]) {
    if (names.length > 0 && !names.includes(task.name)) continue;
    const redis = new Redis(connection);
    await redis.flushall();
    const begun = Date.now();
    await task(redis);
    await redis.quit();
    console.log(`${task.name}: ${Date.now() - begun} ms`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
