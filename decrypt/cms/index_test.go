package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"testing"
)

// A recipient with our id that our key cannot open, by its kind or its algorithm,
// does not stand in the way of one that it can.
func TestRecipientsWithOneID(t *testing.T) {
	cek := pattern(32)
	id, ec := alice(t), newECIdentity(t, "P-256")
	ec.cert.RawIssuer, ec.cert.SerialNumber = id.cert.RawIssuer, id.cert.SerialNumber

	forRSA, err := keyTransport(id.cert, &id.key.PublicKey, cek, Options{})
	if err != nil {
		t.Fatal(err)
	}
	forEC := agreed{scheme: derSHA256KDF, wrap: derWrap256}.info(t, cek, crypto.SHA256, 32, ec)
	for _, infos := range [][][]byte{{forRSA, forEC}, {forEC, forRSA}} {
		w := replaceRecipients(t, gcmWrappedKey(), infos...)
		for name, src := range map[string]KeySource{"RSA": id, "EC": ec} {
			if got, _, err := w.Unwrap(t.Context(), src); err != nil || !bytes.Equal(got, cek) {
				t.Errorf("%s: %x, %v; want %x", name, got, err, cek)
			}
		}
	}

	// The two forms of id are two names of one certificate.
	unknown := el(tagSequence, []byte{0x06, 3, 0x2a, 3, 4})
	byName := el(tagSequence, derVersion, el(tagSequence, id.cert.RawIssuer, el(tagInteger, id.cert.SerialNumber.Bytes())), unknown, el(tagOctets, pattern(256)))
	pkcs1 := el(tagSequence, []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, []byte{5, 0})
	//lint:ignore SA1019 most messages use it
	wrapped, err := rsa.EncryptPKCS1v15(nil, &id.key.PublicKey, cek)
	if err != nil {
		t.Fatal(err)
	}
	byKeyID := el(tagSequence, derVersion, el(0x80, subjectKeyID(id.cert)), pkcs1, el(tagOctets, wrapped))
	w := replaceRecipients(t, gcmWrappedKey(), byName, byKeyID)
	if len(w.Recipients) != 2 || w.Recipients[0].unsupported == nil || !w.Recipients[0].matches(id.cert) {
		t.Fatalf("recipients: %+v", w.Recipients)
	}
	if got, _, err := w.Unwrap(t.Context(), id); err != nil || !bytes.Equal(got, cek) {
		t.Errorf("unknown algorithm first: %x, %v; want %x", got, err, cek)
	}
}
