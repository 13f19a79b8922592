// PKCS #7 and RSA blocks with node-forge.
import fs from "node:fs";
import forge from "node-forge";

const { pkcs7, pki } = forge;

function seal(keys, out) {
  const cert = pki.certificateFromPem(fs.readFileSync(`${keys}/rsa.crt`, "utf8"));
  const write = (name, plain, what, data, args = "", encoding = "binary") => {
    fs.writeFileSync(`${out}/${name}`, data, encoding);
    console.log([name, "rsa", plain, what, args].join("\t"));
  };
  const message = (cipher) => {
    const m = pkcs7.createEnvelopedData();
    m.addRecipient(cert);
    m.content = forge.util.createBuffer(fs.readFileSync(`${keys}/plain`, "binary"));
    m.encrypt(undefined, pki.oids[cipher]);
    return m;
  };
  for (const cipher of ["aes128-CBC", "aes192-CBC", "aes256-CBC", "des-EDE3-CBC"]) {
    const what = `PKCS #7, ${cipher}, RSA PKCS #1 v1.5`;
    write(`${cipher}.der`, "plain", `${what}, DER`, forge.asn1.toDer(message(cipher).toAsn1()).getBytes());
    write(`${cipher}.pem`, "plain", `${what}, PEM`, pkcs7.messageToPem(message(cipher)));
  }

  const short = fs.readFileSync(`${keys}/short`, "binary");
  const block = (scheme, options) => forge.util.encode64(cert.publicKey.encrypt(short, scheme, options));
  write("v15", "short", "RSA block, PKCS #1 v1.5", block("RSAES-PKCS1-V1_5"));
  for (const hash of ["sha1", "sha256", "sha512"]) {
    const md = forge.md[hash].create();
    write(`oaep-${hash}`, "short", `RSA block, OAEP (${hash})`, block("RSA-OAEP", { md, mgf1: { md: forge.md[hash].create() } }),
      `--form raw-rsa --padding oaep --oaep-hash ${hash}`);
  }
}

function open(keys, folder, out) {
  for (const line of fs.readFileSync(`${folder}/list`, "utf8").trim().split("\n")) {
    const [file, key] = line.split("\t");
    if (file !== "rsa-compat.cms") {
      console.log(`${file}\tRSA PKCS #1 v1.5 and CBC only`);
      continue;
    }
    const privateKey = pki.privateKeyFromPem(fs.readFileSync(`${keys}/${key}.key`, "utf8"));
    const message = pkcs7.messageFromAsn1(forge.asn1.fromDer(fs.readFileSync(`${folder}/${file}`, "binary")));
    message.decrypt(message.recipients[0], privateKey);
    fs.writeFileSync(`${out}/${file}`, message.content.getBytes(), "binary");
    console.log(file);
  }
}

const [verb, ...paths] = process.argv.slice(2);
if (verb === "version") console.log("node-forge", JSON.parse(fs.readFileSync("node_modules/node-forge/package.json")).version);
else ({ seal, open })[verb](...paths);
