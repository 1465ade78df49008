// Drives the real BullMQ for the tests: one JSON request per line on stdin, one JSON answer per line on stdout.
import { createInterface } from 'node:readline';
import { DelayedError, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';

const [host, port, queueName] = process.argv.slice(2);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const queue = new Queue(queueName, { connection });
const seen = [];
const events = [];
const hanging = [];
let worker;
let listener;

// What a job's data tells the real worker to do with it.
async function work(job, token) {
  seen.push({ id: job.id, name: job.name, data: job.data, attemptsMade: job.attemptsMade, attemptsStarted: job.attemptsStarted });
  if (job.data.hang) await new Promise((resolve) => hanging.push(resolve));
  if (job.data.unrecoverable) throw new UnrecoverableError('unrecoverable');
  if (job.data.postpone && job.attemptsStarted === 1) {
    await job.moveToDelayed(Date.now() + job.data.postpone, token);
    throw new DelayedError();
  }
  if (job.attemptsMade < (job.data.failures ?? 0)) throw new Error(`failure ${job.attemptsMade}`);
  return job.data.answer;
}

const operations = {
  add: async ({ jobs }) => (await queue.addBulk(jobs)).map((job) => job.id),
  counts: () => queue.getJobCounts(),
  paused: () => queue.isPaused(),
  pause: () => queue.pause(),
  resume: () => queue.resume(),
  concurrency: ({ value }) => queue.setGlobalConcurrency(value),
  rateLimit: ({ max, duration }) => queue.setGlobalRateLimit(max, duration),
  removeLimits: async () => { await queue.removeGlobalConcurrency(); await queue.removeGlobalRateLimit(); },
  workers: async () => (await queue.getWorkers()).map((w) => w.rawname ?? w.name),
  waiting: async () => (await queue.getWaiting()).map((job) => job.id),
  promote: async ({ id }) => (await queue.getJob(id)).promote(),
  retry: async ({ id }) => (await queue.getJob(id)).retry(),
  remove: async ({ id }) => (await queue.getJob(id)).remove(),
  log: async ({ id, rows }) => { for (const row of rows) await (await queue.getJob(id)).log(row); },
  logs: async ({ id }) => queue.getJobLogs(id),
  job: async ({ id }) => {
    const job = await queue.getJob(id);
    return job ? { ...job.toJSON(), state: await job.getState() } : null;
  },
  work: async ({ options }) => {
    worker = new Worker(queueName, work, { connection, ...options });
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
  },
  stopWork: () => worker.close(),
  seen: () => seen,
  release: () => { for (const resolve of hanging.splice(0)) resolve(); },
  listen: async () => {
    listener = new QueueEvents(queueName, { connection, lastEventId: '0-0' });
    for (const name of ['added', 'waiting', 'active', 'completed', 'failed', 'delayed', 'stalled', 'duplicated', 'drained', 'paused', 'resumed', 'retries-exhausted']) {
      listener.on(name, (fields) => events.push({ event: name, ...fields }));
    }
    await listener.waitUntilReady();
  },
  events: () => events,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, ...args } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await operations[operation](args)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}
process.exit(0);
