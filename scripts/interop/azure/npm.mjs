// Microsoft's npm client for Azure Batch, in one of its generations, against the
// account service:
//
//   node npm.mjs PACKAGE SETUP    SETUP is the JSON file that run writes
//
// Prints a line for each check that fails, and "N passed, N failed" in the end.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";

const [name, setupFile] = process.argv.slice(2);
const { BatchServiceClient, BatchSharedKeyCredentials } = createRequire(import.meta.url)(name);
const { url, account, key, files, seeded, pool: nodePool } = JSON.parse(fs.readFileSync(setupFile, "utf8"));

// connect makes a client; change may alter each request before it is signed.
function connect(change = () => {}, sign = new BatchSharedKeyCredentials(account, key)) {
  const signRequest = (request) => {
    change(request);
    return sign.signRequest(request);
  };
  return new BatchServiceClient({ signRequest }, url, { noRetryPolicy: true });
}
const client = connect();

const password = "correct horse";
const file = (path) => fs.readFileSync(`${files}/${path}`);
const thumbprintOf = (path) => createHash("sha1").update(file(path)).digest("hex");
const [one, two, three, four] = ["one", "two", "three", "four"].map((n) => thumbprintOf(`${n}.cer`));
const absent = "0".repeat(40);
const data = (path) => file(path).toString("base64");
const cer = (thumbprint, path, more) => ({ thumbprint, thumbprintAlgorithm: "sha1", data: data(path), certificateFormat: "cer", ...more });
const pfx = (thumbprint, path, more) => ({ thumbprint, thumbprintAlgorithm: "sha1", data: data(path), certificateFormat: "pfx", ...more });
const reference = (thumbprint, more) => ({ thumbprint, thumbprintAlgorithm: "sha1", ...more });
const later = () => new Date(Date.now() + 24 * 3600 * 1000);

let passed = 0, failed = 0;
async function check(what, run) {
  try {
    await run();
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAIL: ${name}: ${what}: ${String(e.message || e.stack).split("\n").slice(0, 12).join("\n    ")}`);
  }
}

// refused checks what the client shows of a refusal.
async function refused(status, code, what, run, values = {}) {
  await check(`${what} is ${status} ${code}`, async () => {
    const e = await run().then(() => assert.fail("it was accepted"), (e) => e);
    assert.equal(`${e.statusCode} ${e.body?.code ?? e.code}`, `${status} ${code}`, e.message);
    if (e.request?.method === "HEAD") return;
    assert.equal(e.body.message.lang, "en-US");
    assert.match(e.body.message.value, /.\nRequestId:[0-9a-f-]{36}\nTime:\S+Z$/);
    for (const [key, value] of Object.entries(values)) {
      assert.equal(e.body.values?.find((v) => v.key === key)?.value, value, `the value ${key}`);
    }
  });
}

// answered checks the status and the headers of an answer.
function answered(response, status, headers = {}) {
  assert.equal(response._response.status, status);
  assert.match(response._response.headers.get("request-id"), /^[0-9a-f-]{36}$/);
  assert.equal(response._response.headers.get("dataserviceversion"), "3.0");
  for (const [name, value] of Object.entries(headers)) assert.equal(response._response.headers.get(name), value, name);
}

// all walks through the pages of a list.
async function all(first, next) {
  const pages = [await first];
  while (pages.at(-1).odatanextLink) pages.push(await next(pages.at(-1).odatanextLink));
  return pages;
}

async function eventually(what, run) {
  for (const deadline = Date.now() + 20000; ; await new Promise((done) => setTimeout(done, 100))) {
    const value = await run();
    if (value) return value;
    if (Date.now() > deadline) assert.fail(`no sign of: ${what}`);
  }
}

const id = randomUUID();
const common = () => ({ timeout: 30, clientRequestId: id, returnClientRequestId: true, ocpDate: new Date() });
const { certificate, pool, computeNode } = client;

// ---- certificates: the five operations

await check("add a pfx, thumbprint in capitals", async () => {
  const response = await certificate.add(pfx(one.toUpperCase(), "one.pfx", { password }));
  const location = `${url}/certificates(ThumbprintAlgorithm=sha1,Thumbprint=${one})`;
  answered(response, 201, { dataserviceid: location, location });
  assert.equal(response.dataServiceId, location);
});
await check("add a pfx without a password, thumbprint with spaces, all options", async () => {
  const spaced = two.toUpperCase().replace(/../g, "$& ").trim();
  const response = await certificate.add(pfx(spaced, "two.pfx"), { certificateAddOptions: common() });
  answered(response, 201, { "client-request-id": id });
  assert.equal(response.clientRequestId, id);
});
await check("add without a format: a pfx", () => certificate.add(pfx(three, "three.pfx", { password, certificateFormat: undefined })));
await check("add a cer", () => certificate.add(cer(four, "four.cer")));
await check("get", async () => {
  const c = await certificate.get("sha1", one);
  answered(c, 200);
  assert.equal(c.thumbprint, one);
  assert.equal(c.thumbprintAlgorithm, "sha1");
  assert.equal(c.state, "active");
  assert.ok(Math.abs(Date.now() - c.stateTransitionTime) < 60000);
  assert.equal(c.previousState, undefined);
  assert.equal(c.url, `${url}/certificates(thumbprintAlgorithm=sha1,thumbprint=${one})`);
  assert.equal(Buffer.from(c.publicData, "base64").compare(file("one.cer")), 0);
});
await check("get with all options", async () => {
  const c = await certificate.get("SHA1", one.toUpperCase(), { certificateGetOptions: { ...common(), select: "thumbprint,state" } });
  answered(c, 200, { "client-request-id": id });
  assert.deepEqual([c.thumbprint, c.state, c.publicData, c.url], [one, "active", undefined, undefined]);
});
await check("list by state with all options", async () => {
  const options = { ...common(), filter: "state eq 'active'", select: "thumbprint,state", maxResults: 3 };
  const page = await certificate.list({ certificateListOptions: options });
  answered(page, 200, { "client-request-id": id });
  assert.equal(page.length, 3);
  assert.ok(page.every((c) => c.state === "active" && c.publicData === undefined));
  const next = await certificate.listNext(page.odatanextLink, { certificateListNextOptions: { clientRequestId: id, returnClientRequestId: true, ocpDate: new Date() } });
  answered(next, 200, { "client-request-id": id });
  assert.equal(next.length, 3);
  assert.ok(next[0].thumbprint > page[2].thumbprint && next[0].publicData === undefined);
});
for (const [filter, count] of [
  ["state ne 'active'", 0],
  ["state eq 'deleting' or state eq 'deletefailed'", 0],
  ["stateTransitionTime lt DateTime'2001-01-01T00:00:00Z'", 0],
  [`stateTransitionTime gt DateTime'${later().toISOString()}'`, 0],
  [`(state eq 'active') and stateTransitionTime le ${later().toISOString()}`, 4 + seeded],
]) {
  await check(`list with $filter=${filter}`, async () => {
    const pages = await all(certificate.list({ certificateListOptions: { filter, select: "thumbprint" } }), (link) => certificate.listNext(link));
    assert.equal(pages.flat().length, count);
  });
}
for (const maxResults of [undefined, 1000, 997, 100]) {
  await check(`list ${4 + seeded} certificates in pages of ${maxResults ?? "the default"}`, async () => {
    const pages = await all(certificate.list({ certificateListOptions: { maxResults } }), (link) => certificate.listNext(link));
    const thumbprints = pages.flat().map((c) => c.thumbprint);
    assert.equal(new Set(thumbprints).size, 4 + seeded);
    assert.equal(thumbprints.length, 4 + seeded);
    assert.ok(pages.every((page) => page.length <= (maxResults ?? 1000)));
    assert.ok(pages.length >= Math.ceil((4 + seeded) / (maxResults ?? 1000)));
  });
}

// ---- pools

const references = [
  reference(one.toUpperCase(), { storeLocation: "localmachine", storeName: "Root", visibility: ["starttask", "task"] }),
  reference(four),
];
const answeredReferences = [
  reference(one, { storeLocation: "localmachine", storeName: "Root", visibility: ["starttask", "task"] }),
  reference(four, { storeLocation: "currentuser", storeName: "My", visibility: ["starttask", "task", "remoteuser"] }),
];
const echoed = {
  displayName: "a pool", vmSize: "standard_d2s_v3", targetDedicatedNodes: 3, targetLowPriorityNodes: 0, enableAutoScale: false,
  enableInterNodeCommunication: true, resizeTimeout: "PT15M", taskSchedulingPolicy: { nodeFillType: "pack" },
  virtualMachineConfiguration: {
    imageReference: { publisher: "debian", offer: "debian-12", sku: "12", version: "latest" }, nodeAgentSKUId: "batch.node.debian 12",
  },
  startTask: { commandLine: "/bin/sh -c 'echo <&>'", waitForSuccess: true, environmentSettings: [{ name: "A", value: "ä" }] },
  metadata: [{ name: "owner", value: "me" }],
};
await check("pool add", async () => {
  const response = await pool.add({ id: "Pool-A", ...echoed, certificateReferences: references }, { poolAddOptions: common() });
  answered(response, 201, { dataserviceid: `${url}/pools/Pool-A`, location: `${url}/pools/Pool-A`, "client-request-id": id });
  assert.match(response.eTag, /^0x[0-9A-F]+$/);
  assert.ok(response.lastModified instanceof Date);
});
let tag;
await check("pool get: what was sent, and more", async () => {
  const p = await pool.get("pool-a");
  answered(p, 200);
  const plain = JSON.parse(p._response.bodyAsText);
  for (const [name, value] of Object.entries(echoed)) assert.deepEqual(plain[name], value, name);
  assert.deepEqual(plain.certificateReferences, answeredReferences);
  assert.deepEqual(JSON.parse(JSON.stringify(p.certificateReferences)), answeredReferences);
  assert.deepEqual([p.id, p.state, p.allocationState, p.currentDedicatedNodes], ["Pool-A", "active", "steady", 0]);
  assert.equal(p.url, `${url}/pools/Pool-A`);
  assert.ok(p.creationTime instanceof Date && p.stateTransitionTime instanceof Date);
  tag = p.eTag;
  assert.equal(p._response.headers.get("etag"), tag);
});
await check("pool get with all options", async () => {
  const options = { ...common(), select: "id,vmSize", expand: "stats", ifMatch: tag };
  const p = await pool.get("Pool-A", { poolGetOptions: options });
  assert.deepEqual(JSON.parse(p._response.bodyAsText), { "odata.metadata": `${url}/$metadata#pools/@Element`, id: "Pool-A", vmSize: "standard_d2s_v3" });
});
await check("pool exists", async () => assert.equal((await pool.exists("Pool-A", { poolExistsOptions: { ...common(), ifMatch: tag } })).body, true));
await check("pool exists not", async () => assert.equal((await pool.exists("pool-b")).body, false));
await check("pool add with properties that the client does not know", async () => {
  const odd = connect((r) => { if (r.method === "POST") r.body = JSON.stringify({ ...JSON.parse(r.body), newThing: { a: [1, null, "x"] } }); });
  await odd.pool.add({ id: "pool-odd", vmSize: "small", enableAutoScale: true });
  const p = await pool.get("pool-odd");
  assert.deepEqual(JSON.parse(p._response.bodyAsText).newThing, { a: [1, null, "x"] });
});
await check("pool list with all options, in pages", async () => {
  for (const n of ["x1", "x2", "x3"]) await pool.add({ id: `pool-${n}`, vmSize: "tiny" });
  const options = { ...common(), filter: "startswith(id,'pool-x')", select: "id", expand: "stats", maxResults: 2 };
  const pages = await all(pool.list({ poolListOptions: options }), (link) => pool.listNext(link));
  assert.deepEqual(pages.map((page) => page.map((p) => p.id)), [["pool-x1", "pool-x2"], ["pool-x3"]]);
});
for (const [filter, ids] of [
  ["id eq 'POOL-A'", "Pool-A"],
  ["state eq 'active' and id ge 'pool-x2'", "pool-x2 pool-x3"],
  ["state eq 'deleting'", ""],
  ["vmSize eq 'tiny' and id ne 'pool-x1'", "pool-x2 pool-x3"],
  ["startswith(vmSize, 'standard')", "Pool-A"],
  ["enableAutoScale eq true", "pool-odd"],
  ["enableAutoScale eq false and id lt 'pool-b'", "Pool-A"],
  ["enableInterNodeCommunication eq true", "Pool-A"],
  ["allocationState eq 'steady' and id eq 'pool-x1'", "pool-x1"],
  ["allocationState ne 'steady'", ""],
  [`allocationStateTransitionTime lt DateTime'${later().toISOString()}' and vmSize eq 'small'`, "pool-odd"],
  [`creationTime gt DateTime'${later().toISOString()}' or lastModified lt 2001-01-01T00:00:00Z`, ""],
]) {
  await check(`pool list with $filter=${filter}`, async () => {
    const pages = await all(pool.list({ poolListOptions: { filter } }), (link) => pool.listNext(link));
    assert.equal(pages.flat().map((p) => p.id).filter((i) => i !== nodePool).join(" "), ids);
  });
}
await check("pool patch under its tag", async () => {
  const change = { certificateReferences: [reference(two, { visibility: ["remoteuser"] })], metadata: [] };
  const response = await pool.patch("Pool-A", change, { poolPatchOptions: { ...common(), ifMatch: tag } });
  answered(response, 200, { dataserviceid: `${url}/pools/Pool-A`, "client-request-id": id });
  const p = await pool.get("Pool-A");
  assert.deepEqual(p.certificateReferences.map((r) => [r.thumbprint, r.storeName, r.visibility]), [[two, "My", ["remoteuser"]]]);
  assert.deepEqual([p.metadata, p.vmSize, p.startTask.commandLine], [[], "standard_d2s_v3", "/bin/sh -c 'echo <&>'"]);
  assert.equal(p.eTag, response.eTag);
  assert.notEqual(p.eTag, tag);
});
await check("pool patch without references leaves them", async () => {
  await pool.patch("Pool-A", { metadata: [{ name: "n", value: "v" }] });
  assert.equal((await pool.get("Pool-A")).certificateReferences.length, 1);
});
await check("pool updateproperties", async () => {
  const properties = { certificateReferences: references, applicationPackageReferences: [], metadata: [{ name: "m", value: "w" }] };
  const response = await pool.updateProperties("Pool-A", properties, { poolUpdatePropertiesOptions: common() });
  answered(response, 204, { dataserviceid: `${url}/pools/Pool-A/updateproperties` });
  const p = await pool.get("Pool-A");
  assert.deepEqual(JSON.parse(JSON.stringify(p.certificateReferences)), answeredReferences);
  assert.deepEqual([p.startTask, p.vmSize, p.metadata[0].name], [undefined, "standard_d2s_v3", "m"]);
});
const old = "0x1", past = new Date(2001, 1, 1), future = later();
for (const [what, options, status] of [
  ["ifNoneMatch of the present tag", () => ({ ifNoneMatch: tag }), 304],
  ["ifModifiedSince in the future", () => ({ ifModifiedSince: future }), 304],
  ["ifModifiedSince long ago", () => ({ ifModifiedSince: past }), 200],
  ["ifUnmodifiedSince in the future", () => ({ ifUnmodifiedSince: future }), 200],
  ["ifMatch *", () => ({ ifMatch: "*" }), 200],
]) {
  await check(`pool get with ${what} is ${status}`, async () => {
    tag = (await pool.get("Pool-A")).eTag;
    const got = await pool.get("Pool-A", { poolGetOptions: options() }).then((r) => r._response.status, (e) => e.statusCode);
    assert.equal(got, status);
  });
}

// ---- nodes: an agent has joined nodePool, which refers to the certificate three

let node;
await check("node list", async () => {
  await pool.patch(nodePool, { certificateReferences: [reference(three, { visibility: ["task"] })] });
  const nodes = await eventually("a node with its certificate", async () => {
    const page = await computeNode.list(nodePool, { computeNodeListOptions: { ...common(), maxResults: 10 } });
    return page[0]?.certificateReferences?.length && page;
  });
  answered(nodes, 200, { "client-request-id": id });
  assert.equal(nodes.length, 1);
  [node] = nodes;
  assert.equal(node.state, "idle");
  assert.equal(node.url, `${url}/pools/${nodePool}/nodes/${node.id}`);
  assert.deepEqual(node.certificateReferences.map((r) => [r.thumbprint, r.visibility]), [[three, ["task"]]]);
});
await check("node get", async () => {
  const n = await computeNode.get(nodePool, node.id, { computeNodeGetOptions: { ...common(), select: "id,state,allocationTime" } });
  answered(n, 200);
  assert.deepEqual([n.id, n.state, n.certificateReferences, n.allocationTime instanceof Date], [node.id, "idle", undefined, true]);
});
for (const [filter, count] of [
  ["state eq 'idle'", 1], ["state eq 'unknown' or state eq 'starting'", 0],
  [`allocationTime le DateTime'${later().toISOString()}' and state ne 'unknown'`, 1],
  ["lastBootTime lt DateTime'2001-01-01T00:00:00Z'", 0],
  [`stateTransitionTime gt DateTime'${later().toISOString()}'`, 0],
  ["startTaskInfo/state eq 'completed'", 0], ["startTaskInfo/exitCode ne 0", 1], ["startTaskInfo/exitCode gt 0", 0],
  ["startTaskInfo/result eq 'failure' or startTaskInfo/startTime lt DateTime'2030-01-01T00:00:00Z'", 0],
]) {
  await check(`node list with $filter=${filter}`, async () => assert.equal((await computeNode.list(nodePool, { computeNodeListOptions: { filter, select: "id" } })).length, count));
}
await check("node list of a pool without nodes", async () => assert.equal((await computeNode.list("Pool-A")).length, 0));
await check("node reboot", async () => {
  const options = { nodeRebootOption: "requeue", computeNodeRebootOptions: common() };
  answered(await computeNode.reboot(nodePool, node.id, options), 202, { dataserviceid: `${url}/pools/${nodePool}/nodes/${node.id}/reboot`, "client-request-id": id });
  answered(await computeNode.reboot(nodePool, node.id), 202);
});
await check("node reimage", async () => answered(await computeNode.reimage(nodePool, node.id, { nodeReimageOption: "terminate" }), 202));

// ---- the life of a deletion, reference section 4

const state = async (tp) => (await certificate.get("sha1", tp)).state;
const story = { certificateReferences: [reference(two)] };
await check("delete what a pool holds", async () => {
  await pool.add({ id: "holder", vmSize: "tiny", ...story });
  answered(await certificate.deleteMethod("sha1", two, { certificateDeleteMethodOptions: common() }), 202, { "client-request-id": id });
  const c = await certificate.get("sha1", two);
  assert.deepEqual([c.state, c.previousState, c.deleteCertificateError], ["deleting", "active", undefined]);
});
await refused(409, "CertificateBeingDeleted", "delete while deleting", () => certificate.deleteMethod("sha1", two));
await refused(409, "CertificateBeingDeleted", "cancel while deleting", () => certificate.cancelDeletion("sha1", two));
await refused(409, "CertificateExists", "add while deleting", () => certificate.add(pfx(two, "two.pfx")));
await refused(409, "InvalidCertificateReferences", "pool add of a certificate that is being deleted", () => pool.add({ id: "late", vmSize: "tiny", ...story }));
await check("the deletion fails", async () => {
  await eventually("deletefailed", async () => (await state(two)) === "deletefailed");
  const c = await certificate.get("sha1", two);
  assert.equal(c.previousState, "deleting");
  assert.equal(c.deleteCertificateError.code, "PoolsReferencingCertificate");
  assert.deepEqual(c.deleteCertificateError.values.map((v) => ({ ...v })), [{ name: "Pools", value: "holder" }]);
  const failures = await certificate.list({ certificateListOptions: { filter: "state eq 'deletefailed'" } });
  assert.deepEqual(failures.map((f) => f.thumbprint), [two]);
});
await refused(409, "CertificateExists", "add while deletefailed", () => certificate.add(pfx(two, "two.pfx")));
await check("cancel", async () => {
  const response = await certificate.cancelDeletion("sha1", two, { certificateCancelDeletionOptions: common() });
  answered(response, 204, { dataserviceid: `${url}/certificates(thumbprintAlgorithm=sha1,thumbprint=${two})/canceldelete`, "client-request-id": id });
  const c = await certificate.get("sha1", two);
  assert.deepEqual([c.state, c.previousState, c.deleteCertificateError], ["active", "deletefailed", undefined]);
});
await check("delete again, to the end, after the pool is gone", async () => {
  await certificate.deleteMethod("sha1", two);
  answered(await pool.deleteMethod("holder", { poolDeleteMethodOptions: { ...common(), ifMatch: "*" } }), 202, { "client-request-id": id });
  await eventually("the end of the certificate", () => state(two).then(() => false, (e) => e.statusCode === 404 && e.body.code === "CertificateNotFound"));
  await certificate.add(pfx(two, "two.pfx"));
});

// ---- every refusal that a client can cause, reference section 3

const property = (PropertyName) => ({ PropertyName });
const parameter = (QueryParameterName) => ({ QueryParameterName });
const list = (options) => () => certificate.list({ certificateListOptions: options });
const changed = (change, sign) => { const c = connect(change, sign); return () => c.certificate.list(); };
const query = (text) => changed((r) => { r.url += text; });
const path = (text) => changed((r) => { r.url = r.url.replace("/certificates?", `${text}?`); });
const body = (text) => { const c = connect((r) => { r.body = text; }); return () => c.certificate.add(cer(absent, "four.cer")); };
const add = (c) => () => certificate.add(c);
const signed = (authorization) => ({ signRequest: async (r) => { if (authorization) r.headers.set("Authorization", authorization); return r; } });
const without = (name) => body(JSON.stringify({ ...cer(four, "four.cer"), [name]: undefined }));

await refused(404, "CertificateNotFound", "get", () => certificate.get("sha1", absent));
await refused(404, "CertificateNotFound", "delete", () => certificate.deleteMethod("sha1", absent));
await refused(404, "CertificateNotFound", "cancel", () => certificate.cancelDeletion("sha1", absent));
await refused(409, "CertificateExists", "add", add(pfx(one, "one.pfx", { password })));
await refused(409, "CertificateStateActive", "cancel while active", () => certificate.cancelDeletion("sha1", one));
await refused(409, "InvalidCertificateReferences", "pool add", () => pool.add({ id: "p", vmSize: "x", certificateReferences: [reference(absent)] }));
await refused(409, "InvalidCertificateReferences", "pool patch", () => pool.patch("Pool-A", { certificateReferences: [reference(absent)] }));
await refused(409, "InvalidCertificateReferences", "pool updateproperties", () => pool.updateProperties("Pool-A", { certificateReferences: [reference(absent)], applicationPackageReferences: [], metadata: [] }));
await refused(400, "InvalidPropertyValue", "a pfx sent as cer", add(cer(one, "one.pfx")), property("data"));
await refused(400, "InvalidPropertyValue", "a cer sent as pfx", add(pfx(four, "four.cer")), property("data"));
await refused(400, "InvalidPropertyValue", "a cer with a password", add(cer(absent, "four.cer", { password })), property("password"));
await refused(400, "InvalidPropertyValue", "a wrong password", add(pfx(one, "one.pfx", { password: "wrong" })), property("password"));
await refused(400, "InvalidPropertyValue", "the thumbprint of another", add(cer(one, "four.cer")), property("thumbprint"));
await refused(400, "InvalidPropertyValue", "a short thumbprint", add(cer("12 34", "four.cer")), { ...property("thumbprint"), PropertyValue: "12 34" });
await refused(400, "InvalidPropertyValue", "another algorithm", add(cer(four, "four.cer", { thumbprintAlgorithm: "sha256" })), property("thumbprintAlgorithm"));
await refused(400, "InvalidPropertyValue", "data that is no base64", add(cer(four, "four.cer", { data: "***" })), property("data"));
await refused(400, "InvalidPropertyValue", "data over 10 KB", add(cer(four, "four.cer", { data: "A".repeat(10244) })), property("data"));
await refused(400, "InvalidPropertyValue", "an unknown format", body(JSON.stringify({ ...cer(four, "four.cer"), certificateFormat: "pem" })), property("certificateFormat"));
await refused(400, "InvalidPropertyValue", "an unknown visibility", () => connect((r) => { r.body = r.body.replace("starttask", "everybody"); }).pool.patch("Pool-A", { certificateReferences: references }), property("certificateReferences[0].visibility"));
await refused(400, "InvalidPropertyValue", "a pool id with a space", () => pool.add({ id: "a pool", vmSize: "x" }), property("id"));
for (const name of ["thumbprint", "thumbprintAlgorithm", "data"]) {
  await refused(400, "MissingRequiredProperty", `add without ${name}`, without(name), property(name));
}
await refused(400, "MissingRequiredProperty", "updateproperties without metadata", () => connect((r) => { r.body = "{\"certificateReferences\": [], \"applicationPackageReferences\": []}"; }).pool.updateProperties("Pool-A", { certificateReferences: [], applicationPackageReferences: [], metadata: [] }), property("metadata"));
await refused(400, "InvalidRequestBody", "a body that is not JSON", body("{\"thumbprint\""));
await refused(400, "UnsupportedProperty", "an unknown property", body(JSON.stringify({ ...cer(four, "four.cer"), color: "red" })), property("color"));
await refused(413, "RequestBodyTooLarge", "a body of 70 kB", body(" ".repeat(70000)));
await refused(400, "MissingRequiredHeader", "no Authorization", changed(undefined, signed()), { HeaderName: "Authorization" });
await refused(400, "InvalidAuthenticationInfo", "an unreadable Authorization", changed(undefined, signed("SharedKey x")));
await refused(403, "AuthenticationFailed", "a wrong key", changed(undefined, new BatchSharedKeyCredentials(account, Buffer.alloc(64).toString("base64"))));
await refused(403, "AuthenticationFailed", "an unknown account", changed(undefined, new BatchSharedKeyCredentials("nobody", key)));
await refused(403, "AuthenticationFailed", "a date of 16 minutes ago", list({ ocpDate: new Date(Date.now() - 16 * 60000) }));
await refused(400, "MissingRequiredQueryParameter", "no api-version", changed((r) => { r.url = r.url.replace(/api-version=[^&]*/, ""); }), parameter("api-version"));
await refused(400, "UnsupportedRequestVersion", "an unknown api-version", changed((r) => { r.url = r.url.replace(/api-version=[^&]*/, "api-version=2030-01-01.1.0"); }));
await refused(400, "InvalidQueryParameterValue", "a $filter by an unknown property", list({ filter: "colour eq 'red'" }), parameter("$filter"));
await refused(400, "InvalidQueryParameterValue", "a $filter that is none", list({ filter: "state eq" }), parameter("$filter"));
await refused(400, "InvalidQueryParameterValue", "a $select of an unknown property", list({ select: "colour" }), parameter("$select"));
await refused(400, "InvalidQueryParameterValue", "a $skiptoken of another", query("&$skiptoken=AQAA"), parameter("$skiptoken"));
await refused(400, "OutOfRangeQueryParameterValue", "maxresults=1001", query("&maxresults=1001"), parameter("maxresults"));
await refused(400, "OutOfRangeQueryParameterValue", "maxresults=0", query("&maxresults=0"), parameter("maxresults"));
await refused(400, "OutOfRangeQueryParameterValue", "timeout=0", query("&timeout=0"), parameter("timeout"));
await refused(400, "UnsupportedQueryParameter", "an unknown parameter", query("&colour=red"), parameter("colour"));
await refused(405, "UnsupportedHttpVerb", "PUT on a certificate", changed((r) => { r.method = "PUT"; r.body = "{}"; }));
await refused(404, "ResourceNotFound", "a path that is no resource", path("/jobs"));
await refused(400, "InvalidUri", "half a key", path("/certificates(thumbprint=12)"));
await refused(404, "PoolNotFound", "pool get", () => pool.get("nothing"));
await refused(404, "PoolNotFound", "pool patch", () => pool.patch("nothing", {}));
await refused(404, "PoolNotFound", "pool delete", () => pool.deleteMethod("nothing"));
await refused(404, "PoolNotFound", "node list", () => computeNode.list("nothing"));
await refused(409, "PoolExists", "pool add", () => pool.add({ id: "POOL-A", vmSize: "x" }));
await refused(404, "NodeNotFound", "node get", () => computeNode.get(nodePool, "nothing"));
await refused(404, "NodeNotFound", "node reboot", () => computeNode.reboot(nodePool, "nothing"));
await refused(404, "NodeNotFound", "removenodes", () => pool.removeNodes(nodePool, { nodeList: ["nothing"] }));
await refused(400, "InvalidPropertyValue", "an unknown option of reboot", () => connect((r) => { r.body = "{\"nodeRebootOption\": \"never\"}"; }).computeNode.reboot(nodePool, node.id, { nodeRebootOption: "requeue" }), property("nodeRebootOption"));
await refused(412, "ConditionNotMet", "pool get of another tag", () => pool.get("Pool-A", { poolGetOptions: { ifMatch: old } }));
await refused(412, "ConditionNotMet", "pool patch of another tag", () => pool.patch("Pool-A", {}, { poolPatchOptions: { ifMatch: old } }));
await refused(412, "ConditionNotMet", "pool patch, changed since", () => pool.patch("Pool-A", {}, { poolPatchOptions: { ifUnmodifiedSince: past } }));
await refused(412, "ConditionNotMet", "pool delete of another tag", () => pool.deleteMethod("Pool-A", { poolDeleteMethodOptions: { ifMatch: old } }));
await refused(412, "ConditionNotMet", "removenodes of a pool with another tag", () => pool.removeNodes(nodePool, { nodeList: [node.id] }, { poolRemoveNodesOptions: { ifMatch: old } }));
await refused(400, "MultipleConditionHeadersNotSupported", "pool get with ifMatch and ifNoneMatch", () => pool.get("Pool-A", { poolGetOptions: { ifMatch: old, ifNoneMatch: old } }));

// ---- the end

await check("removenodes", async () => {
  answered(await pool.removeNodes(nodePool, { nodeList: [node.id] }, { poolRemoveNodesOptions: common() }), 202, { "client-request-id": id });
  assert.equal((await computeNode.list(nodePool)).length, 0);
});
await check("pool delete", async () => {
  for (const p of (await pool.list()).map((p) => p.id)) answered(await pool.deleteMethod(p), 202);
  assert.equal((await pool.list()).length, 0);
});
await check("delete what nobody holds", async () => {
  for (const tp of [one, two, three, four]) await certificate.deleteMethod("sha1", tp);
  await eventually("the end of all", async () => {
    const left = await Promise.all([one, two, three, four].map((tp) => state(tp).catch((e) => e.statusCode)));
    return left.every((s) => s === 404);
  });
});

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
