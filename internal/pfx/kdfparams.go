package pfx

import (
	"fmt"
	"math"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// kdfParams are those of PBKDF2 or scrypt.
type kdfParams struct {
	prf    digest // unset for scrypt
	salt   []byte
	rounds int64 // 0 for scrypt
	size   int64 // 0: not said

	n, r, p int64 // scrypt
}

// detail is for people.
func (k kdfParams) detail() string {
	switch {
	case k.prf.name != "":
		return "-HMAC-" + k.prf.name
	case k.p != 0:
		return fmt.Sprintf(" (N=%d, r=%d, p=%d)", k.n, k.r, k.p)
	}
	return ""
}

func readKDF(a algorithm) (k kdfParams, err error) {
	seq, ok := a.sequence()
	if !ok {
		return k, damaged("key derivation")
	}
	switch a.oid {
	case oidPBKDF2:
		return readPBKDF2(seq)
	case oidScrypt:
		return readScrypt(seq)
	}
	return k, unsupported("key derivation", a.oid)
}

func readPBKDF2(seq cryptobyte.String) (k kdfParams, err error) {
	if seq.PeekASN1Tag(asn1.SEQUENCE) {
		return k, &UnsupportedError{Algorithm: "PBKDF2 with a salt from another source"}
	}
	if k.salt, err = readSalt(&seq); err != nil {
		return k, err
	}
	if k.rounds, err = readRounds(&seq); err != nil {
		return k, err
	}
	if k.size, err = readKeySize(&seq); err != nil {
		return k, err
	}
	k.prf = digests[0] // the default of RFC 8018
	if !seq.Empty() {
		prf, ok := readAlgorithm(&seq)
		if !ok || !seq.Empty() {
			return k, damaged("key derivation")
		}
		k.prf, err = digestByHMAC(prf.oid)
	}
	return k, err
}

func readScrypt(seq cryptobyte.String) (k kdfParams, err error) {
	if k.salt, err = readSalt(&seq); err != nil {
		return k, err
	}
	for _, out := range []*int64{&k.n, &k.r, &k.p} {
		if *out, err = readRounds(&seq); err != nil {
			return k, err
		}
	}
	if k.size, err = readKeySize(&seq); err == nil && !seq.Empty() {
		err = damaged("key derivation")
	}
	return k, err
}

func readKeySize(seq *cryptobyte.String) (int64, error) {
	if !seq.PeekASN1Tag(asn1.INTEGER) {
		return 0, nil
	}
	size, err := readRounds(seq)
	if err != nil || size > math.MaxInt32 {
		return 0, damaged("key length")
	}
	return size, nil
}

func (k kdfParams) derive(w *work, password []byte, size int) ([]byte, error) {
	if k.prf.new == nil {
		return w.scrypt(password, k.salt, k.n, k.r, k.p, size)
	}
	return w.pbkdf2(k.prf, password, k.salt, k.rounds, size)
}
