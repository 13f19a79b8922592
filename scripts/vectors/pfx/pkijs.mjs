// Makes a PFX file with PKI.js: pkijs.mjs CERT.der KEY.der OUTFILE
import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import fs from "node:fs";
import { webcrypto } from "node:crypto";

pkijs.setEngine("node", new pkijs.CryptoEngine({ name: "node", crypto: webcrypto }));
const [certPath, keyPath, out] = process.argv.slice(2);
const read = (path) => new Uint8Array(fs.readFileSync(path)).buffer;
const password = new TextEncoder().encode("open sesame").buffer;
const sealing = {
  password, iterationCount: 2048, hmacHashAlgorithm: "SHA-256",
  contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 },
};
const cert = pkijs.Certificate.fromBER(read(certPath));
const key = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: pkijs.PrivateKeyInfo.fromBER(read(keyPath)) });
await key.makeInternalValues(sealing);
const safe = (...bags) => ({ privacyMode: 1, value: new pkijs.SafeContents({ safeBags: bags }) });
const pfx = new pkijs.PFX({
  parsedValue: {
    integrityMode: 0,
    authenticatedSafe: new pkijs.AuthenticatedSafe({
      parsedValue: {
        safeContents: [
          { privacyMode: 0, value: new pkijs.SafeContents({ safeBags: [new pkijs.SafeBag({ bagId: "1.2.840.113549.1.12.10.1.2", bagValue: key })] }) },
          safe(new pkijs.SafeBag({ bagId: "1.2.840.113549.1.12.10.1.3", bagValue: new pkijs.CertBag({ parsedValue: cert }) })),
        ],
      },
    }),
  },
});
await pfx.parsedValue.authenticatedSafe.makeInternalValues({ safeContents: [{}, sealing] });
await pfx.makeInternalValues({ password, iterations: 2048, pbkdf2HashAlgorithm: "SHA-256", hmacHashAlgorithm: "SHA-256" });
fs.writeFileSync(out, Buffer.from(pfx.toSchema().toBER()));
