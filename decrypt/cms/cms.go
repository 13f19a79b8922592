// Package cms reads and writes encrypted CMS messages (RFC 5652 EnvelopedData,
// RFC 5083 AuthEnvelopedData) of any size in constant memory.
//
// It reads keys for RSA (PKCS #1 v1.5, OAEP) and for ephemeral-static ECDH (RFC
// 5753, RFC 8418: P-256, P-384, P-521, X25519), and content in AES-CBC, AES-GCM,
// AES-CCM, ChaCha20-Poly1305 and DES-EDE3-CBC. It writes AES-GCM and AES-CBC.
// Shared keys (kekri) and passwords (pwri) are listed as recipients, not used.
//
// To decrypt, call [ReadHeader], have the content key opened by an [Unwrapper]
// ([Keys] does so with private keys of this process), and call
// [Message.Decrypt]:
//
//	m, err := cms.ReadHeader(src)
//	...
//	key, err := cms.Keys(source).Unwrap(ctx, m.WrappedKey())
//	...
//	err = m.Decrypt(ctx, dst, key)
//
// To encrypt, write the content to a [NewWriter]. Content that is itself a signed
// message, [Message.ContentType] or its first bytes tell, is taken out of it by
// [SignedContent].
//
// Promises. Input is BER or DER in any mix; it is read once, front to back, and
// everything in it has a limit. Until a private key is used, errors say what is
// wrong and where. After that, every failure is [ErrDecrypt], by one path, with
// one private-key operation: a wrong key, bad padding, a bad tag and a cut
// message look alike (a wrong RSA padding, a bad point and a key that does not
// unwrap yield a pseudo-random content key, fixed for each message and key).
//
// Do not use what Decrypt wrote before it returned nil. EnvelopedData in CBC
// mode has no integrity at all: whoever can alter such a message can alter its
// content, and must not be told whether it decrypts. [Message.Authenticated]
// tells the two types apart.
//
// The package opens no files and no sockets, and keeps no state between calls.
package cms

import "encoding/asn1"

// A Type is a content type that this package can open.
type Type int

const (
	EnvelopedData     Type = iota + 1 // RFC 5652, section 6: no integrity, save by some (see Message.Authenticated)
	AuthEnvelopedData                 // RFC 5083: authenticated
)

func (t Type) String() string {
	switch t {
	case EnvelopedData:
		return "EnvelopedData"
	case AuthEnvelopedData:
		return "AuthEnvelopedData"
	}
	return "unknown"
}

var (
	oidData              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedData     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidAuthEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}
)

// contentTypeNames are content types that people hand us by mistake.
var contentTypeNames = map[string]string{
	"1.2.840.113549.1.7.1":       "data",
	"1.2.840.113549.1.7.2":       "signedData (signed, not encrypted)",
	"1.2.840.113549.1.7.5":       "digestedData",
	"1.2.840.113549.1.7.6":       "encryptedData",
	"1.2.840.113549.1.9.16.1.2":  "authenticatedData",
	"1.2.840.113549.1.9.16.1.9":  "compressedData",
	"1.2.840.113549.1.9.16.1.31": "timestampedData",
}

func contentTypeName(oid asn1.ObjectIdentifier) string {
	if name := contentTypeNames[oid.String()]; name != "" {
		return name
	}
	return oid.String()
}

// Limits on a message. Real messages stay far below them.
const (
	maxDepth         = 64       // open elements at any point
	maxRecipients    = 10_000   // RecipientInfos
	maxRecipientSize = 16 << 20 // bytes of all RecipientInfos
	maxAttributes    = 1 << 20  // bytes of each set of attributes, and of originatorInfo
	maxAlgorithm     = 4 << 10  // bytes of the content AlgorithmIdentifier
	maxElements      = 1 << 20  // elements in each part of the header
	maxOID           = 64       // bytes
	maxInteger       = 128      // bytes; RFC 5280 allows serial numbers 20
	maxMAC           = 64       // bytes
	freeEmptyChunks  = 1000     // empty octet strings in the content, beside one for each 64 bytes
)
