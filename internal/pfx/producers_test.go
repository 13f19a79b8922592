package pfx_test

import (
	"crypto"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// Files made by the producers, here and now. Each has the pair's key.

const sesame = "open sesame"

func TestOpenSSL(t *testing.T) {
	t.Parallel()
	need(t, openssl)
	dir := t.TempDir()
	ca := testcert.CA(t)
	rsa := testcert.RSA(t, testcert.IssuedBy(ca))
	ec := testcert.ECDSA(t)
	p384 := testcert.ECDSA(t, testcert.Key("p384"))
	writeFile(t, filepath.Join(dir, "ca.pem"), ca.CertPEM())
	for name, pair := range map[string]*testcert.Pair{"rsa": rsa, "ec": ec, "p384": p384} {
		writeFile(t, filepath.Join(dir, name+".pem"), append(pair.KeyPEM(), pair.CertPEM()...))
	}
	const legacy = "-provider legacy -provider default "
	for _, v := range []struct {
		options  string // of openssl pkcs12 -export
		password string
		pair     *testcert.Pair
		chain    int
	}{
		{"-in rsa.pem", sesame, rsa, 0},
		{"-in ec.pem", sesame, ec, 0},
		{"-in p384.pem", sesame, p384, 0},
		{"-in rsa.pem -certfile ca.pem -name Füchse", sesame, rsa, 1},
		{"-in rsa.pem -certfile rsa.pem", sesame, rsa, 0}, // the certificate twice
		{"-in rsa.pem -nomac", sesame, rsa, 0},
		{"-in rsa.pem -nomac", "", rsa, 0},
		{"-in rsa.pem -nomac", "pässword", rsa, 0},
		{"-in rsa.pem -keypbe NONE -certpbe NONE", sesame, rsa, 0},
		{"-in rsa.pem -keypbe NONE -certpbe NONE -nomac", sesame, rsa, 0},
		{"-in rsa.pem -certpbe NONE", sesame, rsa, 0},
		{"-in rsa.pem", "", rsa, 0},
		{"-in rsa.pem", "Pässwörd-漢字", rsa, 0},
		{"-in rsa.pem", "🔑 with 𝄞", rsa, 0},
		{"-in rsa.pem -descert", "🔑 with 𝄞", rsa, 0},
		{"-in rsa.pem -keypbe des-ede3-cbc -certpbe des-ede3-cbc", sesame, rsa, 0},
		{"-in rsa.pem -keypbe aes-128-cbc -certpbe aes-192-cbc", sesame, rsa, 0},
		{"-in rsa.pem -macalg sha1", sesame, rsa, 0},
		{"-in rsa.pem -macalg sha224", sesame, rsa, 0},
		{"-in rsa.pem -macalg sha384", sesame, rsa, 0},
		{"-in rsa.pem -macalg sha512", sesame, rsa, 0},
		{"-in rsa.pem -macalg sha512-256", sesame, rsa, 0},
		{"-in rsa.pem -iter 1 -nomaciter", sesame, rsa, 0},
		{"-in rsa.pem -iter 100000", sesame, rsa, 0},
		{legacy + "-in rsa.pem -legacy", sesame, rsa, 0},
		{legacy + "-in rsa.pem -legacy -descert", sesame, rsa, 0},
		{legacy + "-in rsa.pem -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128", sesame, rsa, 0},
		{legacy + "-in rsa.pem -keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-40", sesame, rsa, 0},
	} {
		t.Run(fmt.Sprintf("%s %s", v.options, v.password), func(t *testing.T) {
			args := append([]string{"pkcs12", "-export", "-out", "out.p12", "-passout", "pass:" + v.password},
				strings.Fields(v.options)...)
			openssl.run(t, dir, args...)
			data := readFile(t, filepath.Join(dir, "out.p12"))
			b := check(t, data, v.password, v.pair)
			if !strings.Contains(v.options, "NONE -nomac") { // then no password is wrong
				checkWrongPassword(t, data, v.password)
			}
			if got := len(b.Chain); got != v.chain {
				t.Errorf("got a chain of %d, want %d", got, v.chain)
			}
			if got, want := slices.Contains(b.Warnings, pfx.NoMAC), strings.Contains(v.options, "-nomac"); got != want && !strings.Contains(v.options, "-nomaciter") {
				t.Errorf("warned of no MAC: got %v, want %v", got, want)
			}
		})
	}
}

func TestOpenSSLUnsupported(t *testing.T) {
	need(t, openssl)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "rsa.pem"), append(testcert.RSA(t).KeyPEM(), testcert.RSA(t).CertPEM()...))
	openssl.run(t, dir, "pkcs12", "-export", "-in", "rsa.pem", "-out", "out.p12", "-passout", "pass:"+sesame,
		"-keypbe", "camellia-256-cbc")
	_, err := pfx.Decode(t.Context(), readFile(t, filepath.Join(dir, "out.p12")), sesame, pfx.Options{})
	e, ok := errors.AsType[*pfx.UnsupportedError](err)
	if !ok || !strings.Contains(e.Algorithm, "Camellia-256-CBC") {
		t.Errorf("got %v, want an UnsupportedError with Camellia-256-CBC", err)
	}
}

func TestNSS(t *testing.T) {
	t.Parallel()
	need(t, certutil, pk12util)
	for _, password := range []string{sesame, "pässwörd", "🔑 with 𝄞"} {
		t.Run(password, func(t *testing.T) {
			dir := t.TempDir()
			pair := testcert.RSA(t)
			writeFile(t, filepath.Join(dir, "in.p12"), pair.PFX(sesame))
			certutil.run(t, dir, "-N", "-d", ".", "--empty-password")
			pk12util.run(t, dir, "-i", "in.p12", "-d", ".", "-W", sesame)
			pk12util.run(t, dir, "-o", "out.p12", "-d", ".", "-n", "poolcert test", "-W", password)
			check(t, readFile(t, filepath.Join(dir, "out.p12")), password, pair)
		})
	}
}

func TestGnuTLS(t *testing.T) {
	t.Parallel()
	need(t, certtool)
	dir := t.TempDir()
	ca := testcert.CA(t)
	pair := testcert.RSA(t, testcert.IssuedBy(ca))
	writeFile(t, filepath.Join(dir, "key.pem"), pair.KeyPEM())
	writeFile(t, filepath.Join(dir, "cert.pem"), pair.CertPEM())
	writeFile(t, filepath.Join(dir, "ca.pem"), ca.CertPEM())
	for _, cipher := range []string{"3des", "3des-pkcs12", "aes-256", "rc2-40", "arcfour"} {
		t.Run(cipher, func(t *testing.T) {
			certtool.run(t, dir, "--to-p12", "--load-privkey", "key.pem", "--load-certificate", "cert.pem",
				"--load-ca-certificate", "ca.pem", "--p12-name", "name", "--password", sesame,
				"--pkcs-cipher", cipher, "--outder", "--outfile", "out.p12")
			b := check(t, readFile(t, filepath.Join(dir, "out.p12")), sesame, pair)
			if len(b.Chain) != 1 {
				t.Errorf("got a chain of %d, want 1", len(b.Chain))
			}
		})
	}
}

func TestKeytool(t *testing.T) {
	t.Parallel()
	need(t, keytool)
	const password = "changeit"
	dir := t.TempDir()
	one, two := testcert.RSA(t), testcert.ECDSA(t, testcert.Name("second"))
	writeFile(t, filepath.Join(dir, "1.p12"), one.PFX(password))
	writeFile(t, filepath.Join(dir, "2.p12"), two.PFX(password))
	convert := func(t *testing.T, in, out string, properties ...string) []byte {
		args := []string{"-importkeystore", "-noprompt", "-srckeystore", in, "-srcstoretype", "PKCS12", "-srcstorepass", password,
			"-destkeystore", out, "-deststoretype", "PKCS12", "-deststorepass", password, "-srcalias", "1", "-destalias", in}
		for _, p := range properties {
			args = append(args, "-J-Dkeystore.pkcs12."+p)
		}
		keytool.run(t, dir, args...)
		return readFile(t, filepath.Join(dir, out))
	}
	for i, properties := range [][]string{
		nil,
		{"legacy"},
		{"macAlgorithm=HmacPBESHA384", "keyProtectionAlgorithm=PBEWithHmacSHA384AndAES_256"},
		{"macAlgorithm=HmacPBESHA224", "keyProtectionAlgorithm=PBEWithHmacSHA224AndAES_128"},
		{"macAlgorithm=HmacPBESHA512/256", "keyProtectionAlgorithm=PBEWithHmacSHA512AndAES_256"},
		{"macAlgorithm=NONE", "certProtectionAlgorithm=NONE"},
	} {
		t.Run(strings.Join(properties, " "), func(t *testing.T) {
			data := convert(t, "1.p12", fmt.Sprintf("out%d.p12", i), properties...)
			check(t, data, password, one)
			checkWrongPassword(t, data, password)
		})
	}
	t.Run("two keys", func(t *testing.T) {
		convert(t, "1.p12", "both.p12")
		data := convert(t, "2.p12", "both.p12")
		_, err := pfx.Decode(t.Context(), data, password, pfx.Options{})
		if ambiguous, ok := errors.AsType[*pfx.AmbiguousError](err); !ok || len(ambiguous.Candidates) != 2 {
			t.Errorf("got %v, want an AmbiguousError with two candidates", err)
		}
		check(t, data, password, one)
		check(t, data, password, two)
	})
}

func TestGPGSM(t *testing.T) {
	t.Parallel()
	need(t, gpgsm, gpgconf)
	dir := t.TempDir()
	t.Cleanup(func() { exec.Command(string(gpgconf), "--homedir", dir, "--kill", "all").Run() })
	pair := testcert.RSA(t)
	old, err := pkcs12.LegacyRC2.Encode(pair.Key, pair.Cert, nil, sesame) // gpgsm 2.2 reads nothing newer
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "in.p12"), old)
	writeFile(t, filepath.Join(dir, "gpg-agent.conf"), []byte("allow-loopback-pinentry\n"))
	run := func(args ...string) {
		loopback := []string{"--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"}
		gpgsm.feed(t, dir, sesame, append(loopback, args...)...)
	}
	run("--import", "in.p12")
	for name, options := range map[string][]string{"binary": nil, "armour": {"--armor"}} {
		t.Run(name, func(t *testing.T) {
			run(append(options, "--output", "out.p12", "--export-secret-key-p12", "CN=poolcert test")...)
			data := readFile(t, filepath.Join(dir, "out.p12"))
			check(t, data, sesame, pair)
			checkWrongPassword(t, data, sesame)
		})
	}
}

// check decodes data by the pair's thumbprint, and compares with go-pkcs12 where that succeeds.
func check(t *testing.T, data []byte, password string, want *testcert.Pair) *pfx.Bundle {
	t.Helper()
	b, err := pfx.Decode(t.Context(), data, password, pfx.Options{Thumbprint: want.Thumbprint(), Limits: patient})
	if err != nil {
		t.Fatal(err)
	}
	if !b.Leaf.Equal(want.Cert) {
		t.Errorf("leaf: got %v, want %v", b.Leaf.Subject, want.Cert.Subject)
	}
	if !sameKey(b.Key, want.Key) {
		t.Errorf("another key")
	}
	checkUsable(t, b)
	compare(t, data, password, b)
	return b
}

// patient allows for the race detector, and for 600,000 rounds and more, which NSS and GnuTLS ask for.
var patient = pfx.Limits{Time: 5 * time.Minute}

func checkWrongPassword(t *testing.T, data []byte, password string) {
	t.Helper()
	if _, err := pfx.Decode(t.Context(), data, password+"x", pfx.Options{Limits: patient}); !errors.Is(err, pfx.ErrPassword) {
		t.Errorf("with a wrong password: got %v, want ErrPassword", err)
	}
}

func compare(t *testing.T, data []byte, password string, b *pfx.Bundle) {
	t.Helper()
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		t.Logf("go-pkcs12: %v", err)
		return
	}
	if !sameKey(b.Key, key) {
		t.Error("go-pkcs12 has another key")
	}
	theirs := map[string]bool{string(leaf.Raw): true}
	for _, c := range chain {
		theirs[string(c.Raw)] = true
	}
	if len(theirs) != 1+len(b.Chain) {
		t.Errorf("go-pkcs12 has %d certificates, we have %d", len(theirs), 1+len(b.Chain))
	}
	for _, c := range append(b.Chain, b.Leaf) {
		if !theirs[string(c.Raw)] {
			t.Errorf("go-pkcs12 does not have %v", c.Subject)
		}
	}
}

func sameKey(a, b crypto.PrivateKey) bool {
	k, ok := a.(interface{ Equal(crypto.PrivateKey) bool })
	return ok && k.Equal(b)
}
