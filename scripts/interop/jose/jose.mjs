// JWE with jose.
import fs from "node:fs";
import { createPrivateKey, X509Certificate } from "node:crypto";
import * as jose from "jose";

const rsaAlgorithms = ["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"];
const ecdhAlgorithms = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"];
const contentAlgorithms = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"];

async function seal(keys, out) {
  const plain = fs.readFileSync(`${keys}/plain`);
  const cert = (name) => new X509Certificate(fs.readFileSync(`${keys}/${name}.crt`));
  const write = (key, what, text, expected = "plain") => {
    const name = what.replaceAll(/[ ,]+/g, "-");
    fs.writeFileSync(`${out}/${name}`, text);
    console.log([name, key, expected, `JWE, ${what}`, ""].join("\t"));
  };
  const compact = async (key, alg, enc, what = "", more = {}, expected = "plain") =>
    write(key, `${alg}, ${enc}, ${key}${what}`,
      await new jose.CompactEncrypt(plain).setProtectedHeader({ alg, enc, ...more }).encrypt(cert(key).publicKey), expected);

  for (const alg of rsaAlgorithms) {
    for (const enc of contentAlgorithms) await compact("rsa", alg, enc);
  }
  for (const alg of ecdhAlgorithms) {
    for (const key of ["p256", "p384", "p521"]) await compact(key, alg, "A256GCM");
  }
  for (const enc of contentAlgorithms.slice(0, -1)) await compact("p384", "ECDH-ES", enc);
  await compact("x25519", "ECDH-ES+A256KW", "A256GCM", "", {}, "plain");
  const der = cert("rsa").raw.toString("base64");
  await compact("rsa", "RSA-OAEP-256", "A256GCM", ", x5c", { x5c: [der] });

  write("p256", "flattened JSON with aad, ECDH-ES+A256KW", JSON.stringify(
    await new jose.FlattenedEncrypt(plain).setProtectedHeader({ alg: "ECDH-ES+A256KW", enc: "A256GCM" })
      .setAdditionalAuthenticatedData(Buffer.from("context")).encrypt(cert("p256").publicKey)));
  const many = new jose.GeneralEncrypt(plain).setProtectedHeader({ enc: "A256GCM" });
  for (const [key, alg] of [["p521", "ECDH-ES+A256KW"], ["rsa", "RSA-OAEP-512"], ["p256", "ECDH-ES+A128KW"]]) {
    many.addRecipient(cert(key).publicKey).setUnprotectedHeader({ alg });
  }
  const general = JSON.stringify(await many.encrypt());
  for (const key of ["rsa", "p256"]) write(key, `general JSON of three, ${key}`, general);
}

async function open(keys, folder, out) {
  for (const line of fs.readFileSync(`${folder}/list`, "utf8").trim().split("\n")) {
    const [file, key] = line.split("\t");
    if (!file.endsWith(".jwe")) {
      console.log(`${file}\tJWE only`);
      continue;
    }
    const text = fs.readFileSync(`${folder}/${file}`, "utf8").trim();
    const privateKey = createPrivateKey(fs.readFileSync(`${keys}/${key}.key`));
    const { plaintext } = text.startsWith("{")
      ? await jose.generalDecrypt(JSON.parse(text), privateKey)
      : await jose.compactDecrypt(text, privateKey);
    fs.writeFileSync(`${out}/${file}`, plaintext);
    console.log(file);
  }
}

const [verb, ...paths] = process.argv.slice(2);
if (verb === "version") console.log("jose", JSON.parse(fs.readFileSync("node_modules/jose/package.json")).version);
else await { seal, open }[verb](...paths);
