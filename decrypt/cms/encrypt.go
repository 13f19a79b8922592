package cms

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Options choose how a message is encrypted. The zero value is AES-256-GCM in
// AuthEnvelopedData, with RSAES-OAEP (SHA-256, MGF1 SHA-256) for RSA keys, and for
// EC and X25519 keys ephemeral-static ECDH with AES-256 key wrap.
type Options struct {
	// Compat writes what every old reader knows: AES-256-CBC in EnvelopedData,
	// with RSA PKCS #1 v1.5. Such a message is not protected against changes. For
	// EC and X25519 keys it changes nothing else.
	Compat bool

	// Label is a part of how the content key is encrypted: the label of RSAES-OAEP,
	// or the user keying material of ECDH. Everyone can read it, and without it the
	// content key does not open. Not with Compat. At most 1 KiB.
	Label []byte
}

// maxLabel bounds Options.Label, in bytes.
const maxLabel = 1 << 10

// NewWriter returns a WriteCloser that encrypts to all recipients, and writes
// the message to w. Close ends the message and must be called; it does not close
// w. Nothing is written before the first full chunk or Close.
//
// A message of up to 256 KiB is in DER. A longer one is in BER with indefinite
// lengths and takes no more memory. The certificates must have RSA keys, or EC
// keys on P-256, P-384 or P-521, or X25519 keys, in any mix; else the error is an
// *[UnsupportedError]. Their validity and key usage are not checked. The writer is not for concurrent use.
func NewWriter(w io.Writer, recipients []*x509.Certificate, opts Options) (io.WriteCloser, error) {
	if len(recipients) == 0 {
		return nil, errors.New("encrypt: no recipients")
	}
	if len(recipients) > maxRecipients {
		return nil, &LimitError{"recipients", maxRecipients}
	}
	if len(opts.Label) > maxLabel {
		return nil, &LimitError{"bytes of label", maxLabel}
	}
	if opts.Compat && len(opts.Label) > 0 {
		return nil, errors.New("encrypt: RSA PKCS #1 v1.5 has no label")
	}
	if len(opts.Label) == 0 {
		opts.Label = nil
	}
	c := findCipher(append(oidAES[:8:8], 46))
	e := &writer{w: w, typ: oidAuthEnvelopedData}
	if opts.Compat {
		c = findCipher(append(oidAES[:8:8], 42))
		e.typ = oidEnvelopedData
	}
	cek := make([]byte, c.keySize)
	rand.Read(cek)
	defer clear(cek)
	block, err := c.block(cek)
	if err != nil {
		return nil, err
	}
	if e.cipher, err = newEncrypter(c, block); err != nil {
		return nil, err
	}
	for _, cert := range recipients {
		der, err := e.recipientInfo(cert, cek, opts)
		if err != nil {
			return nil, fmt.Errorf("encrypt to %s: %w", cert.Subject, err)
		}
		e.recipients = append(e.recipients, der)
	}
	return e, nil
}

// An encrypter is the counterpart of a contentMode, for one goroutine.
type encrypter interface {
	// algorithm returns the DER of the AlgorithmIdentifier.
	algorithm() ([]byte, error)
	// encrypt encrypts data, of chunkSize bytes unless last, and returns the
	// ciphertext, which is at most a block longer and may overwrite data.
	encrypt(data []byte, last bool) ([]byte, error)
	// mac returns the MAC of the content, or nil where there is none.
	mac() []byte
}

func newEncrypter(c *contentCipher, block cipher.Block) (encrypter, error) {
	if c.mode == modeCBC {
		iv := make([]byte, block.BlockSize())
		rand.Read(iv)
		return &cbcEncrypter{c, cipher.NewCBCEncrypter(block, iv), iv}, nil
	}
	nonce := make([]byte, 12) // random, as is the key
	rand.Read(nonce)
	m, err := newGCMMode(block, nonce)
	return &gcmEncrypter{c, m, nonce}, err
}

type cbcEncrypter struct {
	cipher *contentCipher
	mode   cipher.BlockMode
	iv     []byte
}

func (e *cbcEncrypter) algorithm() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(e.cipher.oid)
		b.AddASN1OctetString(e.iv)
	})
	return b.Bytes()
}

func (e *cbcEncrypter) encrypt(data []byte, last bool) ([]byte, error) {
	if last {
		n := e.mode.BlockSize() - len(data)%e.mode.BlockSize()
		data = append(data, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	e.mode.CryptBlocks(data, data)
	return data, nil
}

func (e *cbcEncrypter) mac() []byte { return nil }

type gcmEncrypter struct {
	cipher *contentCipher
	mode   *gcmMode
	nonce  []byte
}

func (e *gcmEncrypter) algorithm() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(e.cipher.oid)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(e.nonce)
			b.AddASN1Int64(16)
		})
	})
	return b.Bytes()
}

func (e *gcmEncrypter) encrypt(data []byte, last bool) ([]byte, error) {
	if e.mode.size+int64(len(data)) > maxGCM {
		return nil, &LimitError{"bytes of AES-GCM content", maxGCM}
	}
	e.mode.xorKeyStream(data, e.mode.size)
	e.mode.add(e.mode.ghash.sum(data), int64(len(data)))
	return data, nil
}

func (e *gcmEncrypter) mac() []byte {
	tag, _ := e.mode.tag(nil) // of GCM, it has no error
	return tag
}
