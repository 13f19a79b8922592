// Makes PFX files with BouncyCastle: BouncyCastle.java CERT KEY CERT2 KEY2 OUTDIR, where
// the first key is RSA and the second EC, all of them DER, the keys in PKCS #8.
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.pkcs.*;
import org.bouncycastle.pkcs.jcajce.*;

public class BouncyCastle {
    static final char[] password = "open sesame".toCharArray();

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        X509Certificate cert = cert(args[0]), cert2 = cert(args[2]);
        PrivateKey key = key(args[1], "RSA"), key2 = key(args[3], "EC");
        Path out = Path.of(args[4]);

        KeyStore store = KeyStore.getInstance("PKCS12", "BC");
        store.load(null, null);
        store.setKeyEntry("first", key, null, new X509Certificate[] { cert });
        store.setKeyEntry("second", key2, null, new X509Certificate[] { cert2 });
        try (OutputStream s = Files.newOutputStream(out.resolve("bouncycastle-two-keys.p12"))) {
            store.store(s, password);
        }

        // Three parts, PBKDF2 with SHA-384.
        PKCS12PfxPdu pfx = new PKCS12PfxPduBuilder()
            .addEncryptedData(encryptor(), new PKCS12SafeBag[] { new JcaPKCS12SafeBagBuilder(cert).build() })
            .addEncryptedData(encryptor(), new PKCS12SafeBag[] { new JcaPKCS12SafeBagBuilder(cert2).build() })
            .addData(new JcaPKCS12SafeBagBuilder(key, encryptor()).build())
            .build(new JcePKCS12MacCalculatorBuilder().setProvider("BC"), password);
        Files.write(out.resolve("bouncycastle-prf-sha384.p12"), pfx.getEncoded());
    }

    static OutputEncryptor encryptor() throws Exception {
        return new JcePKCSPBEOutputEncryptorBuilder(NISTObjectIdentifiers.id_aes256_CBC)
            .setPRF(new AlgorithmIdentifier(PKCSObjectIdentifiers.id_hmacWithSHA384, DERNull.INSTANCE))
            .setProvider("BC").build(password);
    }

    static X509Certificate cert(String path) throws Exception {
        try (InputStream s = new FileInputStream(path)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(s);
        }
    }

    static PrivateKey key(String path, String algorithm) throws Exception {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(path))));
    }
}
