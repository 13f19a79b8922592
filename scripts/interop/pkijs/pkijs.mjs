// CMS with PKI.js.
import fs from "node:fs";
import { webcrypto } from "node:crypto";
import * as pkijs from "pkijs";

pkijs.setEngine("node", new pkijs.CryptoEngine({ name: "node", crypto: webcrypto }));

const buffer = (bytes) => new Uint8Array(bytes).buffer;
const fromPEM = (path) => buffer(Buffer.from(fs.readFileSync(path, "utf8").replaceAll(/-----.*-----|\s/g, ""), "base64"));
const certificate = (keys, name) => pkijs.Certificate.fromBER(fromPEM(`${keys}/${name}.crt`));

async function seal(keys, out) {
  const plain = buffer(fs.readFileSync(`${keys}/plain`));
  // GCM in EnvelopedData is none of RFC 5084.
  const write = async (recipients, content, hash) => {
    const message = new pkijs.EnvelopedData();
    for (const name of recipients) {
      message.addRecipientByCertificate(certificate(keys, name), { oaepHashAlgorithm: hash, kdfAlgorithm: hash });
    }
    await message.encrypt(content, plain);
    const info = new pkijs.ContentInfo({ contentType: pkijs.ContentInfo.ENVELOPED_DATA, content: message.toSchema() });
    for (const name of recipients) {
      const file = [...recipients, content.name, content.length, hash, name].join("-");
      fs.writeFileSync(`${out}/${file}`, Buffer.from(info.toSchema().toBER()));
      const scheme = recipients.map((r) => (r === "rsa" ? `RSAES-OAEP (${hash})` : `ECDH ${r}, KDF with ${hash}`)).join(" and ");
      console.log([file, name, content.name === "AES-GCM" ? "plain?" : "plain", `CMS, ${content.name} ${content.length} in EnvelopedData, ${scheme}, ${name}`, ""].join("\t"));
    }
  };
  for (const length of [128, 192, 256]) {
    for (const name of ["AES-CBC", "AES-GCM"]) await write(["rsa"], { name, length }, "SHA-256");
  }
  for (const hash of ["SHA-1", "SHA-384", "SHA-512"]) await write(["rsa"], { name: "AES-CBC", length: 256 }, hash);
  for (const curve of ["p256", "p384", "p521"]) {
    for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) await write([curve], { name: "AES-CBC", length: 256 }, hash);
  }
  await write(["p384", "rsa"], { name: "AES-CBC", length: 256 }, "SHA-256");
}

// It opens neither RSA PKCS #1 v1.5 nor AuthEnvelopedData, nor what openssl seals to EC keys.
function open() {}

const [verb, ...paths] = process.argv.slice(2);
if (verb === "version") console.log("PKI.js", JSON.parse(fs.readFileSync("node_modules/pkijs/package.json")).version);
else await { seal, open }[verb](...paths);
