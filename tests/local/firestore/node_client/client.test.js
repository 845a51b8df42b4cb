// The official Node client on a server: `node --test client.test.js`, with FIRESTORE_EMULATOR_HOST.
//
// It asks for what such a client asks for in ordinary use. With SERVER=emulator it leaves out what
// the local Firestore refuses, or answers otherwise than Google's emulator.
"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { after, beforeEach, describe, test } = require("node:test");
const {
  AggregateField,
  FieldPath,
  FieldValue,
  Filter,
  Firestore,
  GeoPoint,
  Timestamp,
  v1,
} = require("@google-cloud/firestore");
const { grpc } = require("google-gax");

const onlyHere = { skip: process.env.SERVER === "emulator" && "the emulator answers otherwise" };

const INVALID_ARGUMENT = { code: 3 };
const NOT_FOUND = { code: 5 };
const ALREADY_EXISTS = { code: 6 };
const FAILED_PRECONDITION = { code: 9 };
const UNIMPLEMENTED = 12;

const clients = [];
let db;

function client(settings = {}) {
  const made = new Firestore({ projectId: `demo-${randomUUID()}`, ...settings });
  clients.push(made);
  return made;
}

// The client below `Firestore`, with the methods of the API.
function lowLevel() {
  const [servicePath, port] = process.env.FIRESTORE_EMULATOR_HOST.split(":");
  const made = new v1.FirestoreClient({
    projectId: "demo",
    servicePath,
    port,
    sslCreds: grpc.credentials.createInsecure(),
  });
  clients.push({ terminate: () => made.close() });
  return made;
}

beforeEach(() => {
  db = client();
});

after(() => Promise.all(clients.map((each) => each.terminate())));

const ids = (snapshot) => snapshot.docs.map((each) => each.id);
const data = async (reference) => (await reference.get()).data();

async function fill(documents) {
  const batch = db.batch();
  for (const [path, fields] of Object.entries(documents)) batch.set(db.doc(path), fields);
  await batch.commit();
}

describe("writes", () => {
  test("set replaces, and merges all fields or those of a mask", async () => {
    const a = db.doc("files/a");
    await a.set({ kept: 1, gone: 1 });
    await a.set({ kept: 2, map: { x: 1, y: 1 } });
    assert.deepEqual(await data(a), { kept: 2, map: { x: 1, y: 1 } });
    await a.set({ map: { y: 2 }, more: true }, { merge: true });
    assert.deepEqual(await data(a), { kept: 2, map: { x: 1, y: 2 }, more: true });
    await a.set({ kept: 9, map: { x: 9, y: 9 } }, { mergeFields: ["map.x"] });
    assert.deepEqual(await data(a), { kept: 2, map: { x: 9, y: 2 }, more: true });
    await a.set({ empty: {} }, { merge: true });
    assert.deepEqual((await data(a)).empty, {});
  });

  test("update sets and deletes the fields that it names", async () => {
    const a = db.doc("files/a");
    await a.set({ kept: 1, gone: 1, map: { x: 1, y: 1 } });
    await a.update({ gone: FieldValue.delete(), "map.x": 2, "map.z": FieldValue.delete() });
    await a.update(new FieldPath("odd name", "a.b", "`\\"), 1, "map.y", FieldValue.delete());
    assert.deepEqual(await data(a), { kept: 1, map: { x: 2 }, "odd name": { "a.b": { "`\\": 1 } } });
  });

  test("transforms change fields by their values", async () => {
    const a = db.doc("files/a");
    await a.set({ n: 1, least: 5, most: 5, tags: ["a", "b", "b"], more: ["a"] });
    await a.update({
      n: FieldValue.increment(2.5),
      least: FieldValue.minimum(3),
      most: FieldValue.maximum(3),
      tags: FieldValue.arrayRemove("b"),
      more: FieldValue.arrayUnion("a", "c"),
      "inner.at": FieldValue.serverTimestamp(),
    });
    const { inner, ...others } = await data(a);
    assert.deepEqual(others, { n: 3.5, least: 3, most: 5, tags: ["a"], more: ["a", "c"] });
    assert.ok(inner.at instanceof Timestamp);
  });

  test("every type of value comes back", async () => {
    const a = db.doc("files/a");
    const values = {
      nothing: null,
      yes: true,
      integer: -3,
      number: 1.5,
      huge: 2 ** 60,
      least: Number.MIN_VALUE,
      nan: NaN,
      infinite: -Infinity,
      zero: -0,
      at: new Timestamp(1_700_000_000, 123_456_000),
      before: new Timestamp(-62_135_596_800, 0),
      text: "ünï 😀 \u0000",
      bytes: Buffer.from([0, 255, 1]),
      reference: db.doc("others/b/inner/c"),
      place: new GeoPoint(-90, 180),
      list: [1, "two", { three: [3] }, null],
      map: { "": undefined, "a.b": {}, empty: [] },
    };
    delete values.map[""];
    await a.set(values);
    assert.deepEqual(await data(a), values);
    const big = client({ projectId: db.projectId, useBigInt: true });
    await big.doc("files/big").set({ n: 2n ** 63n - 1n });
    assert.deepEqual(await data(big.doc("files/big")), { n: 2n ** 63n - 1n });
    assert.equal((await a.get()).ref.path, "files/a");
  });

  test("preconditions are refused by their codes", async () => {
    const a = db.doc("files/a");
    const none = db.doc("files/none");
    const { writeTime: first } = await a.create({ n: 1 });
    await assert.rejects(a.create({ n: 2 }), ALREADY_EXISTS);
    await assert.rejects(none.update({ n: 1 }), NOT_FOUND);
    await assert.rejects(none.delete({ exists: true }), NOT_FOUND);
    await none.delete();
    await a.update({ n: 2 }, { lastUpdateTime: first });
    await assert.rejects(a.update({ n: 3 }, { lastUpdateTime: first }), FAILED_PRECONDITION);
    await assert.rejects(a.delete({ lastUpdateTime: first }), FAILED_PRECONDITION);
    assert.deepEqual(await data(a), { n: 2 });
    const { updateTime, createTime, readTime } = await a.get();
    assert.ok(createTime.isEqual(first) && first < updateTime && updateTime <= readTime);
    await a.delete({ lastUpdateTime: updateTime });
    assert.equal((await a.get()).exists, false);
  });

  test("what exceeds a limit is an invalid argument", async () => {
    await assert.rejects(db.doc("files/a").set({ text: "x".repeat(1_048_576) }), INVALID_ARGUMENT);
    await assert.rejects(db.doc("files/__a__").set({}), INVALID_ARGUMENT);
    await assert.rejects(db.doc("files/a").set({ __a__: 1 }), INVALID_ARGUMENT);
  });

  test("a batch is made as a whole or not at all", async () => {
    await fill({ "files/a": { n: 1 }, "files/b": { n: 1 }, "files/d": { n: 1 } });
    const batch = db.batch();
    batch.set(db.doc("files/c"), { n: 1 });
    batch.update(db.doc("files/a"), { n: FieldValue.increment(1) });
    batch.delete(db.doc("files/b"));
    batch.create(db.doc("files/d"), { n: 9 });
    await assert.rejects(batch.commit(), ALREADY_EXISTS);
    assert.deepEqual(ids(await db.collection("files").get()), ["a", "b", "d"]);
    assert.deepEqual(await data(db.doc("files/a")), { n: 1 });

    const whole = db.batch();
    whole.set(db.doc("files/c"), { n: 1 }).update(db.doc("files/c"), { m: 2 });
    whole.delete(db.doc("files/b"));
    const [one, two] = await whole.commit();
    assert.ok(one.writeTime.isEqual(two.writeTime));
    assert.deepEqual(await data(db.doc("files/c")), { n: 1, m: 2 });
    assert.equal((await db.doc("files/b").get()).exists, false);
  });

  test("five hundred writes are one batch", async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`files/${n}`, { n }]));
    await fill(many);
    assert.equal((await db.collection("files").count().get()).data().count, 500);
  });

  test("a bulk writer has an answer for each write", async () => {
    await db.doc("files/3").set({ n: "old" });
    const writer = db.bulkWriter();
    const failed = [];
    writer.onWriteError((error) => {
      failed.push([error.documentRef.id, error.code]);
      return false;
    });
    const written = Array.from({ length: 45 }, (_, n) =>
      writer.create(db.doc(`files/${n}`), { n }).then(() => n, () => null),
    );
    writer.update(db.doc("files/none"), { n: 1 }).catch(() => null);
    await writer.close();
    assert.deepEqual(failed.sort(), [["3", ALREADY_EXISTS.code], ["none", NOT_FOUND.code]]);
    assert.equal((await Promise.all(written)).filter((each) => each !== null).length, 44);
    assert.deepEqual(await data(db.doc("files/3")), { n: "old" });
  });

  test("a recursive delete leaves nothing below", async () => {
    await fill({
      "files/a": {},
      "files/a/parts/1": {},
      "files/a/parts/1/lines/x": {},
      "files/none/parts/2": {},
      "files/b": {},
      "filesystem/c": {},
    });
    await db.recursiveDelete(db.doc("files/a"));
    assert.deepEqual((await db.collection("files").listDocuments()).map((d) => d.id), ["b", "none"]);
    await db.recursiveDelete(db.collection("files"));
    assert.deepEqual((await db.listCollections()).map((each) => each.id), ["filesystem"]);
  });
});

describe("reads", () => {
  test("getAll keeps the order, knows what is missing, and reads the fields of a mask", async () => {
    await fill({ "files/a": { n: 1, map: { x: 1, y: 2 } }, "files/b": { n: 2 } });
    const [b, none, a, again] = await db.getAll(
      ...["b", "none", "a", "b"].map((id) => db.doc(`files/${id}`)),
    );
    assert.deepEqual([b.data(), none.exists, a.data().n, again.id], [{ n: 2 }, false, 1, "b"]);
    const [part] = await db.getAll(db.doc("files/a"), { fieldMask: ["map.y", "absent"] });
    assert.deepEqual(part.data(), { map: { y: 2 } });
  });

  test("lists know missing documents and go on over pages", async () => {
    const many = Array.from({ length: 650 }, (_, n) => `files/${String(n).padStart(4, "0")}`);
    for (const start of [0, 500]) {
      await fill(Object.fromEntries(many.slice(start, start + 500).map((path) => [path, {}])));
    }
    await fill({ "files/none/parts/1": {}, "files/0001/parts/1": {}, "others/x": {} });
    const listed = await db.collection("files").listDocuments();
    assert.deepEqual(listed.map((each) => each.path), [...many, "files/none"]);
    assert.deepEqual((await db.listCollections()).map((each) => each.id), ["files", "others"]);
    const below = await db.doc("files/none").listCollections();
    assert.deepEqual(below.map((each) => each.path), ["files/none/parts"]);
    let streamed = 0;
    for await (const _ of db.collection("files").stream()) streamed += 1;
    assert.equal(streamed, 650);
  });

  test("databases and projects have documents of their own", async () => {
    const other = client({ projectId: db.projectId, databaseId: "other" });
    await db.doc("files/a").set({ n: 1 });
    assert.equal((await other.doc("files/a").get()).exists, false);
    await other.doc("files/a").set({ n: 2 });
    assert.deepEqual(await data(db.doc("files/a")), { n: 1 });
  });
});

describe("queries", () => {
  let files;

  beforeEach(async () => {
    files = db.collection("files");
    await fill({
      "files/a": { n: 1, s: "x", tags: ["red", 1], map: { k: 1 } },
      "files/b": { n: 2, s: "y", tags: ["red", "blue"], map: { k: 2 } },
      "files/c": { n: 2.0, s: "x", tags: [] },
      "files/d": { n: 3, s: null, at: Timestamp.fromMillis(1000) },
      "files/e": { n: NaN, s: "z", tags: ["green"] },
      "files/f": { n: "3" },
      "files/g": { s: "only" },
    });
  });

  const operators = [
    ["n", "<", 2, ["a"]],
    ["n", "<=", 2, ["a", "b", "c"]],
    ["n", "==", 2, ["b", "c"]],
    ["n", "!=", 2, ["e", "a", "d", "f"]],
    ["n", ">", 2, ["d"]],
    ["n", ">=", 2, ["b", "c", "d"]],
    ["n", ">", "1", ["f"]],
    ["n", "==", NaN, ["e"]],
    ["n", "!=", NaN, ["a", "b", "c", "d", "f"]],
    ["s", "==", null, ["d"]],
    ["s", "!=", null, ["g", "a", "c", "b", "e"]],
    ["n", "in", [1, 3, "3", NaN, null], ["a", "d", "f"]],
    ["s", "not-in", ["x", "y"], ["g", "e"]],
    ["tags", "array-contains", "red", ["a", "b"]],
    ["tags", "array-contains-any", ["blue", "green", 1], ["a", "b", "e"]],
    ["tags", "==", [], ["c"]],
    ["map", "==", { k: 2 }, ["b"]],
    ["map.k", ">", 1, ["b"]],
    [new FieldPath("map", "k"), "<", 2, ["a"]],
    [FieldPath.documentId(), ">=", "f", ["f", "g"]],
    [FieldPath.documentId(), "in", ["b", "g", "none"], ["b", "g"]],
    [FieldPath.documentId(), "==", "c", ["c"]],
    [FieldPath.documentId(), "not-in", ["a", "b", "c", "d", "e"], ["f", "g"]],
    ["at", "<=", new Date(1000), ["d"]],
  ];
  for (const [field, operator, value, expected] of operators) {
    test(`${field} ${operator} ${JSON.stringify(value)}`, async () => {
      assert.deepEqual(ids(await files.where(field, operator, value).get()), expected);
    });
  }

  test("filters are joined by and, and by or", async () => {
    const red = Filter.where("tags", "array-contains", "red");
    assert.deepEqual(ids(await files.where("n", ">=", 2).where("s", "==", "x").get()), ["c"]);
    const either = Filter.or(
      Filter.and(red, Filter.where("n", "==", 2)),
      Filter.where("n", "==", 3),
      Filter.where("s", "==", "only"),
    );
    assert.deepEqual(ids(await files.where(either).orderBy(FieldPath.documentId()).get()), [
      "b",
      "d",
      "g",
    ]);
    const mixed = files.where(Filter.or(red, Filter.where("n", "in", [2, 3])));
    assert.deepEqual(ids(await mixed.orderBy("n", "desc").limit(3).get()), ["d", "c", "b"]);
    const ranges = files.where("n", ">", 1).where("s", ">", "x").orderBy("s").orderBy("n");
    assert.deepEqual(ids(await ranges.get()), ["b"]);
  });

  test("orders, limits, offsets and projections", async () => {
    assert.deepEqual(ids(await files.orderBy("n").get()), ["e", "a", "b", "c", "d", "f"]);
    assert.deepEqual(ids(await files.orderBy("s", "desc").orderBy("n", "desc").limit(4).get()), [
      "e",
      "b",
      "c",
      "a",
    ]);
    assert.deepEqual(ids(await files.orderBy("n").limitToLast(2).get()), ["d", "f"]);
    assert.deepEqual(ids(await files.orderBy("n").offset(2).limit(2).get()), ["b", "c"]);
    const [first] = (await files.select("map.k", "s").limit(1).get()).docs;
    assert.deepEqual(first.data(), { map: { k: 1 }, s: "x" });
    const [bare] = (await files.select().limit(1).get()).docs;
    assert.deepEqual([bare.id, bare.data()], ["a", {}]);
    assert.ok((await files.where("n", "==", 99).get()).empty);
  });

  test("cursors are values or documents", async () => {
    const byNumber = files.orderBy("n");
    assert.deepEqual(ids(await byNumber.startAt(2).get()), ["b", "c", "d", "f"]);
    assert.deepEqual(ids(await byNumber.startAfter(2).get()), ["d", "f"]);
    assert.deepEqual(ids(await byNumber.endAt(2).get()), ["e", "a", "b", "c"]);
    assert.deepEqual(ids(await byNumber.endBefore(2).get()), ["e", "a"]);
    assert.deepEqual(ids(await byNumber.startAt(1).endBefore(3).limitToLast(1).get()), ["c"]);
    const b = await db.doc("files/b").get();
    assert.deepEqual(ids(await byNumber.startAfter(b).get()), ["c", "d", "f"]);
    assert.deepEqual(ids(await byNumber.endAt(b).get()), ["e", "a", "b"]);
    assert.deepEqual(ids(await files.orderBy("n", "desc").startAt(b).get()), ["b", "a", "e"]);
    assert.deepEqual(ids(await files.startAfter(b).limit(2).get()), ["c", "d"]);
    assert.deepEqual(ids(await files.where("n", ">=", 2).startAfter(b).get()), ["c", "d"]);
    assert.deepEqual(ids(await files.orderBy(FieldPath.documentId()).startAt("f").get()), ["f", "g"]);
    const pages = [];
    for (let query = byNumber.limit(4), page; !(page = await query.get()).empty; ) {
      pages.push(ids(page));
      query = byNumber.limit(4).startAfter(page.docs.at(-1));
    }
    assert.deepEqual(pages, [["e", "a", "b", "c"], ["d", "f"]]);
  });

  test("a collection group is found wherever its collections are", async () => {
    await fill({
      "parts/1": { n: 1 },
      "files/a/parts/2": { n: 2 },
      "files/a/parts/2/parts/3": { n: 3 },
      "files/a/departs/4": { n: 4 },
    });
    const group = db.collectionGroup("parts");
    assert.deepEqual((await group.get()).docs.map((each) => each.ref.path), [
      "files/a/parts/2",
      "files/a/parts/2/parts/3",
      "parts/1",
    ]);
    assert.deepEqual(ids(await group.where("n", ">=", 2).orderBy("n", "desc").get()), ["3", "2"]);
    const [two] = (await group.where("n", "==", 2).get()).docs;
    assert.deepEqual(ids(await group.orderBy("n").startAfter(two).get()), ["3"]);
    const byName = group.where(FieldPath.documentId(), ">", "files/a/parts/2");
    assert.deepEqual(ids(await byName.get()), ["3", "1"]);
    assert.equal((await group.count().get()).data().count, 3);
  });

  test("counts, sums and averages", async () => {
    const figures = {
      count: AggregateField.count(),
      sum: AggregateField.sum("n"),
      average: AggregateField.average("n"),
    };
    const numbers = files.where("n", ">=", 1);
    assert.deepEqual((await numbers.aggregate(figures).get()).data(), { count: 4, sum: 8, average: 2 });
    const none = files.where("n", "==", 99);
    assert.deepEqual((await none.aggregate(figures).get()).data(), { count: 0, sum: 0, average: null });
    assert.equal((await files.limit(3).count().get()).data().count, 3);
    assert.equal((await files.orderBy("n").startAfter(2).count().get()).data().count, 2);
    assert.ok(Number.isNaN((await files.aggregate(figures).get()).data().sum));
  });
});

describe("transactions", () => {
  test("eight writers lose no increment", onlyHere, async () => {
    const counter = db.doc("counters/one");
    await counter.set({ n: 0 });
    let attempts = 0;
    const add = (transaction) =>
      transaction.get(counter).then((seen) => {
        attempts += 1;
        transaction.update(counter, { n: seen.data().n + 1 });
      });
    const writers = Array.from({ length: 8 }, async () => {
      const own = client({ projectId: db.projectId });
      for (let n = 0; n < 25; n += 1) await own.runTransaction(add, { maxAttempts: 50 });
    });
    await Promise.all(writers);
    assert.deepEqual(await data(counter), { n: 200 });
    assert.ok(attempts > 200, "they were in each other's way");
  });

  test("one whose locks an older one takes is aborted, and tried again", onlyHere, async () => {
    await fill({ "files/a": { n: 1 }, "files/b": {} });
    const a = db.doc("files/a");
    const seen = [];
    let younger;
    const older = db.runTransaction(async (transaction) => {
      await transaction.get(db.doc("files/b"));
      await new Promise((hasRead, reject) => {
        younger = db.runTransaction(async (other) => {
          const { n } = (await other.get(a)).data();
          seen.push(n);
          hasRead();
          await older;
          other.update(a, { n: n + 1 });
        });
        younger.catch(reject);
      });
      transaction.update(a, { n: 10 });
    });
    await older;
    await younger;
    assert.deepEqual([seen, await data(a)], [[1, 10], { n: 11 }]);
  });

  test("reads, queries and writes are one step", async () => {
    await fill({ "files/a": { n: 1 }, "files/b": { n: 2 } });
    const sum = await db.runTransaction(async (transaction) => {
      const found = await transaction.get(db.collection("files").where("n", ">", 0));
      const [a, none] = await transaction.getAll(db.doc("files/a"), db.doc("files/none"));
      const { count } = (await transaction.get(db.collection("files").count())).data();
      assert.deepEqual([ids(found), a.data(), none.exists, count], [["a", "b"], { n: 1 }, false, 2]);
      const total = found.docs.reduce((before, each) => before + each.data().n, 0);
      transaction.set(db.doc("files/sum"), { total }).delete(db.doc("files/a"));
      transaction.create(db.doc("files/c"), {});
      return total;
    });
    assert.equal(sum, 3);
    assert.deepEqual(ids(await db.collection("files").get()), ["b", "c", "sum"]);
  });

  test("nothing is written after an error, which is not tried again", async () => {
    const a = db.doc("files/a");
    await fill({ "files/a": { n: 1 }, "files/b": {} });
    let attempts = 0;
    const failing = db.runTransaction(async (transaction) => {
      attempts += 1;
      await transaction.get(a);
      transaction.update(a, { n: 2 });
      throw new Error("changed my mind");
    });
    await assert.rejects(failing, /changed my mind/);
    const refused = db.runTransaction(async (transaction) => {
      attempts += 1;
      transaction.update(a, { n: 2 }).create(db.doc("files/b"), {});
    });
    await assert.rejects(refused, ALREADY_EXISTS);
    assert.equal(attempts, 2);
    await a.update({ n: FieldValue.increment(1) }); // no lock is left
    assert.deepEqual(await data(a), { n: 2 });
  });

  test("a read-only transaction reads one point in time", async () => {
    const a = db.doc("files/a");
    await a.set({ n: 1 });
    const { readTime } = await a.get();
    await a.set({ n: 2 });
    const then = { readOnly: true, readTime };
    assert.deepEqual((await db.runTransaction((each) => each.get(a), then)).data(), { n: 1 });
    const seen = await db.runTransaction(
      async (transaction) => {
        const before = await transaction.get(a);
        await a.set({ n: 3 });
        const found = await transaction.get(db.collection("files"));
        return [before.data().n, found.docs[0].data().n];
      },
      { readOnly: true },
    );
    assert.deepEqual(seen, [2, 2]);
  });
});

// The client sends a query that was refused four times, in seven seconds: all at once saves time.
describe("refusals", { concurrency: true }, () => {
  const files = () => db.collection("files");
  const refused = (query, code) => assert.rejects(query.get(), code);

  test("thirty-one values are too many", () =>
    refused(files().where("n", "in", [...Array(31).keys()]), INVALID_ARGUMENT));

  test("a query excludes once", () =>
    refused(files().where("n", "!=", 1).where("n", "not-in", [2]), INVALID_ARGUMENT));

  test("no order follows that of the names, not even that of a range", () =>
    refused(files().where("n", ">", 1).orderBy(FieldPath.documentId()), INVALID_ARGUMENT));

  const unserved = {
    // onSnapshot tries again for two minutes, whatever the error.
    Listen: () => new Promise((resolve, reject) => lowLevel().listen().on("error", reject).end()),
    PartitionQuery: async () => {
      for await (const _ of db.collectionGroup("files").getPartitions(3));
    },
    FindNearest: () =>
      files()
        .findNearest({ vectorField: "v", queryVector: [1], limit: 1, distanceMeasure: "COSINE" })
        .get(),
    explain_options: () => files().explain(),
    Vectors: () => files().doc("a").set({ v: FieldValue.vector([1, 2]) }),
    ExecutePipeline: () => db.pipeline().collection("files").execute(),
  };
  for (const [name, call] of Object.entries(unserved)) {
    test(`${name} is not served`, onlyHere, () =>
      assert.rejects(call, { code: UNIMPLEMENTED, message: new RegExp(name) }));
  }
});
