import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.List;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;

// CMS with BouncyCastle.
public class BouncyCastle {
    static final List<String> CURVES = List.of("p256", "p384", "p521");
    static Path keys;

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        switch (args[0]) {
            case "version" -> System.out.println("BouncyCastle " + Security.getProvider("BC").getVersionStr() + ", Java " + Runtime.version().feature());
            case "seal" -> {
                keys = Path.of(args[1]);
                seal(Path.of(args[2]));
            }
            case "open" -> {
                keys = Path.of(args[1]);
                open(Path.of(args[2]), Path.of(args[3]));
            }
        }
    }

    static X509Certificate cert(String name) throws Exception {
        try (var in = Files.newInputStream(keys.resolve(name + ".crt"))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static PrivateKey key(String name) throws Exception {
        String pem = Files.readString(keys.resolve(name + ".key")).replaceAll("-----.*-----|\\s", "");
        return KeyFactory.getInstance(name.equals("rsa") ? "RSA" : "EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    static void seal(Path out) throws Exception {
        for (var cipher : List.of("AES128_CBC", "AES192_CBC", "AES256_CBC", "DES_EDE3_CBC", "AES128_GCM", "AES192_GCM", "AES256_GCM",
                "AES128_CCM", "AES256_CCM")) {
            write(out, "rsa", cipher, "RSA PKCS #1 v1.5", new JceKeyTransRecipientInfoGenerator(cert("rsa")).setProvider("BC"));
        }
        var converter = new JcaAlgorithmParametersConverter();
        for (var hash : List.of("SHA-1", "SHA-256", "SHA-384", "SHA-512")) {
            var spec = new OAEPParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), PSource.PSpecified.DEFAULT);
            var oaep = converter.getAlgorithmIdentifier(new ASN1ObjectIdentifier("1.2.840.113549.1.1.7"), spec);
            write(out, "rsa", "AES256_GCM", "RSAES-OAEP (" + hash + ")", new JceKeyTransRecipientInfoGenerator(cert("rsa"), oaep).setProvider("BC"));
        }
        write(out, "rsa", "AES256_CBC", "RSA PKCS #1 v1.5, by subject key identifier",
                new JceKeyTransRecipientInfoGenerator(subjectKey("rsa"), cert("rsa").getPublicKey()).setProvider("BC"));
        for (var curve : CURVES) {
            for (var kdf : List.of("SHA1", "SHA256", "SHA384", "SHA512")) {
                var scheme = named("ECDH_" + kdf + "KDF");
                write(out, curve, "AES256_GCM", "ECDH " + curve + ", X9.63 KDF with " + kdf, agreement(curve, scheme));
            }
            write(out, curve, "AES256_CBC", "cofactor ECDH " + curve, agreement(curve, CMSAlgorithm.ECCDH_SHA256KDF));
        }
    }

    static byte[] subjectKey(String name) throws Exception {
        return SubjectKeyIdentifier.fromExtensions(new JcaX509CertificateHolder(cert(name)).getExtensions()).getKeyIdentifier();
    }

    static RecipientInfoGenerator agreement(String curve, ASN1ObjectIdentifier scheme) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(new ECGenParameterSpec("P-" + curve.substring(1)));
        KeyPair ephemeral = generator.generateKeyPair();
        return new JceKeyAgreeRecipientInfoGenerator(scheme, ephemeral.getPrivate(), ephemeral.getPublic(), CMSAlgorithm.AES256_WRAP)
                .addRecipient(cert(curve)).setProvider("BC");
    }

    static ASN1ObjectIdentifier named(String algorithm) throws Exception {
        return (ASN1ObjectIdentifier) CMSAlgorithm.class.getField(algorithm).get(null);
    }

    static int count;

    static void write(Path out, String key, String cipher, String recipient, RecipientInfoGenerator generator) throws Exception {
        var content = new CMSProcessableByteArray(Files.readAllBytes(keys.resolve("plain")));
        OutputEncryptor encryptor = new JceCMSContentEncryptorBuilder(named(cipher)).setProvider("BC").build();
        if (encryptor instanceof OutputAEADEncryptor aead) {
            var sealer = new CMSAuthEnvelopedDataGenerator();
            sealer.addRecipientInfoGenerator(generator);
            var message = sealer.generate(content, aead).toASN1Structure();
            tell(out, key, cipher + ", " + recipient + ", DER", message.getEncoded("DER"));
            tell(out, key, cipher + ", " + recipient + ", BER", message.getEncoded("BER"));
            return;
        }
        var sealer = new CMSEnvelopedDataGenerator();
        sealer.addRecipientInfoGenerator(generator);
        tell(out, key, cipher + ", " + recipient + ", DER", sealer.generate(content, encryptor).toASN1Structure().getEncoded("DER"));
        var stream = new CMSEnvelopedDataStreamGenerator();
        stream.addRecipientInfoGenerator(generator);
        var streamed = new ByteArrayOutputStream();
        try (OutputStream w = stream.open(streamed, encryptor)) {
            content.write(w);
        }
        tell(out, key, cipher + ", " + recipient + ", streamed", streamed.toByteArray());
    }

    static void tell(Path out, String key, String what, byte[] message) throws Exception {
        count++;
        Files.write(out.resolve("" + count), message);
        System.out.println(count + "\t" + key + "\tplain\tCMS, " + what + "\t");
    }

    static void open(Path in, Path out) throws Exception {
        for (var line : Files.readAllLines(in.resolve("list"))) {
            String file = line.split("\t")[0], name = line.split("\t")[1];
            if (file.endsWith(".jwe")) {
                System.out.println(file + "\tno JWE");
                continue;
            }
            if (name.equals("x25519")) {
                System.out.println(file + "\tno X25519 key agreement");
                continue;
            }
            try {
                byte[] message = Files.readAllBytes(in.resolve(file));
                var recipients = file.endsWith("-compat.cms")
                        ? new CMSEnvelopedData(message).getRecipientInfos()
                        : new CMSAuthEnvelopedData(message).getRecipientInfos();
                Recipient recipient = name.equals("rsa")
                        ? new JceKeyTransEnvelopedRecipient(key(name)).setProvider("BC")
                        : new JceKeyAgreeEnvelopedRecipient(key(name)).setProvider("BC");
                var id = name.equals("rsa") ? new JceKeyTransRecipientId(cert(name)) : new JceKeyAgreeRecipientId(cert(name));
                Files.write(out.resolve(file), recipients.get(id).getContent(recipient));
            } catch (Exception e) {
                System.err.println(file + ": " + e);
            }
            System.out.println(file);
        }
    }
}
