// Progress over Socket.IO with the official JavaScript client: websocket, polling, and polling that is
// upgraded to websocket.
//
//   RUSHES_KEY=... node socketio.mjs BASE_URL CACHE_DIR MEDIA
//
// Each transport analyses MEDIA (an absolute path) into CACHE_DIR with one client that joins at once,
// then joins with others when the task has ended. Ends with status 1 when anything is not as
// promised.

import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [base, cacheDir, media] = process.argv.slice(2);
const key = process.env.RUSHES_KEY;
const ANSWER_MS = 10_000;
const TASK_MS = 120_000;
const QUIET_MS = 500;

const TRANSPORTS = {
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
  "polling, upgraded": { transports: ["polling", "websocket"] },
};

/** A promise that fails when nothing comes in time. */
function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A connected socket that keeps every progress event it hears. */
async function connect(options) {
  const socket = io(base, { ...options, forceNew: true, reconnection: false });
  const connected = new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  const heard = [];
  const done = new Promise((resolve) => {
    socket.on("progress", (event) => {
      heard.push(event);
      if (event.done) resolve(event);
    });
  });
  await within(ANSWER_MS, "connect", connected);
  return { socket, heard, done };
}

async function analyze() {
  const response = await fetch(`${base}/api/v1/analyze`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-license-key": key },
    body: JSON.stringify({ cache_dir: cacheDir, media_paths: [media], force: true }),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return (await response.json()).task_id;
}

function checkEvents(task, heard) {
  assert.ok(heard.length >= 1, "no event");
  heard.forEach((event, i) => {
    assert.equal(event.task_id, task);
    assert.ok(event.progress >= 0 && event.progress <= 1, `progress ${event.progress}`);
    assert.ok(i === 0 || event.progress >= heard[i - 1].progress, "progress fell");
    assert.equal(event.done, i === heard.length - 1, "done anywhere but in the last event");
    for (const field of ["type", "state"]) assert.equal(typeof event[field], "string");
    for (const field of ["files_total", "files_done"]) assert.ok(Number.isInteger(event[field]));
  });
  assert.equal(heard.at(-1).progress, 1);
  assert.equal(heard.at(-1).state, "completed", JSON.stringify(heard.at(-1)));
}

/** Joins a task that has ended, by each form of its name. */
async function joinLate(options, task) {
  for (const name of [task, { task_id: task }, { room: task }]) {
    const late = await connect(options);
    const answer = await late.socket.timeout(ANSWER_MS).emitWithAck("join", name);
    assert.equal(answer.ok, true, JSON.stringify(answer));
    await within(1000, "the last event", late.done);
    await sleep(QUIET_MS);
    assert.equal(late.heard.length, 1, "the last event came more than once");
    late.socket.disconnect();
  }
}

async function refuseUnknown(socket) {
  for (const name of ["0".repeat(32), "x", { room: 5 }, null]) {
    const answer = await socket.timeout(ANSWER_MS).emitWithAck("join", name);
    assert.equal(answer.ok, false, JSON.stringify(answer));
    assert.equal(typeof answer.error, "string");
  }
}

async function tryTransport(options) {
  const client = await connect(options);
  await refuseUnknown(client.socket);
  const task = await analyze();
  const answer = await client.socket.timeout(ANSWER_MS).emitWithAck("join", task);
  assert.equal(answer.ok, true, JSON.stringify(answer));
  await within(TASK_MS, "the end of the task", client.done);
  await sleep(QUIET_MS);
  checkEvents(task, client.heard);
  const transport = client.socket.io.engine.transport.name;
  assert.equal(transport, options.transports.at(-1));
  await joinLate(options, task);
  client.socket.disconnect();
  return client.heard.length;
}

for (const [name, options] of Object.entries(TRANSPORTS)) {
  try {
    const events = await tryTransport(options);
    console.log(`socket.io-client, ${name}: ok, ${events} events`);
  } catch (error) {
    console.error(`socket.io-client, ${name}: ${error.message}`);
    process.exit(1);
  }
}
process.exit(0);
