package pfx

import (
	"crypto/hmac"

	"golang.org/x/crypto/scrypt"
)

// Key derivation, bounded and cancellable: the file says how many rounds it wants,
// and whoever posts a file knows its password. This is why the library's own
// derivations, which end when they end, are not used.

const checkEvery = 1 << 13 // rounds, a few milliseconds

// pbkdf2 is PBKDF2 of RFC 8018 section 5.2.
func (w *work) pbkdf2(prf digest, password, salt []byte, rounds int64, size int) ([]byte, error) {
	if err := w.spend(rounds); err != nil {
		return nil, err
	}
	mac := hmac.New(prf.new, password)
	var key, u []byte
	for block := byte(1); len(key) < size; block++ {
		mac.Reset()
		mac.Write(salt)
		mac.Write([]byte{0, 0, 0, block})
		u = mac.Sum(u[:0])
		key = append(key, u...)
		t := key[len(key)-len(u):]
		for i := int64(1); i < rounds; i++ {
			if i%checkEvery == 0 {
				if err := w.check(); err != nil {
					return nil, err
				}
			}
			mac.Reset()
			mac.Write(u)
			u = mac.Sum(u[:0])
			for j := range t {
				t[j] ^= u[j]
			}
		}
	}
	return key[:size], nil
}

// What a key of the PKCS #12 derivation is for.
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

// pkcs12 is the derivation of RFC 7292 appendix B.2. The caller spends the rounds,
// since one count in the file stands for a key and an IV.
func (w *work) pkcs12(d digest, purpose byte, password, salt []byte, rounds int64, size int) ([]byte, error) {
	h := d.new()
	v := h.BlockSize()
	diversifier := make([]byte, v)
	for i := range diversifier {
		diversifier[i] = purpose
	}
	input := append(repeat(salt, v), repeat(password, v)...)
	defer clear(input)
	var key, a []byte
	for {
		h.Reset()
		h.Write(diversifier)
		h.Write(input)
		a = h.Sum(a[:0])
		for i := int64(1); i < rounds; i++ {
			if i%checkEvery == 0 {
				if err := w.check(); err != nil {
					return nil, err
				}
			}
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		key = append(key, a...)
		if len(key) >= size {
			return key[:size], nil
		}
		b := repeat(a, v)[:v]
		for i := 0; i < len(input); i += v {
			addOne(input[i:i+v], b)
		}
	}
}

// repeat returns copies of p, the last one cut, up to the next multiple of v.
func repeat(p []byte, v int) []byte {
	out := make([]byte, (len(p)+v-1)/v*v)
	for n := 0; n < len(out); {
		n += copy(out[n:], p)
	}
	return out
}

// addOne sets a to a+b+1, as big-endian numbers of the same size, without overflow.
func addOne(a, b []byte) {
	carry := uint(1)
	for i := len(a) - 1; i >= 0; i-- {
		carry += uint(a[i]) + uint(b[i])
		a[i] = byte(carry)
		carry >>= 8
	}
}

// scrypt is RFC 7914. It can't be stopped, so that its cost is counted ahead: its
// Salsa20/8 cores (2*N*r*p) as rounds, and its memory.
func (w *work) scrypt(password, salt []byte, n, r, p int64, size int) ([]byte, error) {
	const most = 1 << 20 // keeps the products below in range
	if n < 2 || n&(n-1) != 0 || r < 1 || p < 1 {
		return nil, damaged("parameters of scrypt")
	}
	if n > most || r > most || p > most || 128*r*(n+p) > w.limits.Memory {
		return nil, &LimitError{"bytes of memory for scrypt", w.limits.Memory}
	}
	// At most Memory/64 * 2^20, so no overflow.
	if err := w.spend(2 * n * r * p); err != nil {
		return nil, err
	}
	return scrypt.Key(password, salt, int(n), int(r), int(p), size)
}
