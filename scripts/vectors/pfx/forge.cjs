// Makes PFX files with node-forge: forge.cjs CERT.pem KEY.pem OUTDIR
const forge = require("node-forge");
const fs = require("node:fs");
const [cert, key, out] = process.argv.slice(2);
const options = { "aes256": { algorithm: "aes256" }, "3des-nomac": { algorithm: "3des", useMac: false } };
for (const [name, o] of Object.entries(options)) {
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(fs.readFileSync(key)), forge.pki.certificateFromPem(fs.readFileSync(cert)), "open sesame", o);
  fs.writeFileSync(`${out}/forge-${name}.p12`, Buffer.from(forge.asn1.toDer(asn1).getBytes(), "binary"));
}
