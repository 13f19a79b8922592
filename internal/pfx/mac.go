package pfx

import (
	"crypto/hmac"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A mac is the MacData of a file, by the derivation of PKCS #12 (RFC 7292) or PBMAC1 (RFC 9579).
type mac struct {
	name   string // for people
	rounds int64
	want   []byte
	digest digest
	key    func(*work, password) ([]byte, error)
	err    error // why it can't be verified
}

func readMAC(s *cryptobyte.String) (*mac, error) {
	var seq, info, want cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&info, asn1.SEQUENCE) {
		return nil, damaged("MAC")
	}
	a, ok := readAlgorithm(&info)
	if !ok || !info.ReadASN1(&want, asn1.OCTET_STRING) {
		return nil, damaged("MAC")
	}
	m := &mac{name: nameOf(a.oid), want: want}
	if a.oid == oidPBMAC1 {
		m.pbmac1(a) // the salt and rounds that follow have no meaning
	} else {
		m.pkcs12(a, seq)
	}
	return m, nil
}

func (m *mac) pkcs12(a algorithm, rest cryptobyte.String) {
	var salt []byte
	if salt, m.err = readSalt(&rest); m.err != nil {
		return
	}
	m.rounds = 1
	if !rest.Empty() {
		if m.rounds, m.err = readRounds(&rest); m.err != nil {
			return
		}
	}
	if m.digest, m.err = digestByOID(a.oid); m.err != nil {
		m.err = unsupported("MAC with", a.oid)
		return
	}
	m.name = "HMAC-" + m.digest.name
	m.key = func(w *work, p password) ([]byte, error) {
		if err := w.spend(m.rounds); err != nil {
			return nil, err
		}
		return w.pkcs12(m.digest, forMAC, p.bmp, salt, m.rounds, m.digest.new().Size())
	}
}

func (m *mac) pbmac1(a algorithm) {
	seq, ok := a.sequence()
	kdf, ok1 := readAlgorithm(&seq)
	alg, ok2 := readAlgorithm(&seq)
	if !ok || !ok1 || !ok2 || !seq.Empty() {
		m.err = damaged("MAC")
		return
	}
	if m.digest, m.err = digestByHMAC(alg.oid); m.err != nil {
		m.err = unsupported("PBMAC1 with", alg.oid)
		return
	}
	m.name = "PBMAC1, HMAC-" + m.digest.name + ", " + nameOf(kdf.oid)
	var k kdfParams
	k, m.err = readKDF(kdf)
	m.name += k.detail()
	m.rounds = k.rounds
	if m.err != nil {
		return
	}
	// The size has no default (RFC 9579 section 4). A short key can be guessed and
	// with it the MAC, whatever the password.
	if k.size < 20 || k.size > 64 {
		m.err = damaged("key length for the MAC")
		return
	}
	m.key = func(w *work, p password) ([]byte, error) { return k.derive(w, p.utf8, int(k.size)) }
}

// verify reports whether the MAC over message is right.
func (m *mac) verify(w *work, p password, message []byte) (bool, error) {
	if m.err != nil {
		return false, m.err
	}
	key, err := m.key(w, p)
	if err != nil {
		return false, err
	}
	defer clear(key)
	h := hmac.New(m.digest.new, key)
	h.Write(message)
	return hmac.Equal(h.Sum(nil), m.want), nil
}
