// Package tpmkey seals a small secret to the TPM 2.0 of a machine.
//
// Call [Open] for the TPM, [Seal] once, keep the blob, and [Unseal] it after each
// boot. The blob opens with the TPM that sealed it and no other, until the TPM is
// cleared. It is bound to no state of the machine (no PCRs): whoever may use the
// TPM may unseal, so that updates of firmware and kernel lock nobody out. It keeps
// the secret from whoever has a copy of the disk.
//
// What goes over the bus is encrypted, except that the TPM's own key is believed.
// Nothing stays in the TPM. A TPM serves one command at a time: do not share one
// between goroutines.
package tpmkey

import (
	"errors"
	"fmt"
	"io"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"golang.org/x/crypto/cryptobyte"
)

// MaxSecret is how much [Seal] takes, in bytes.
const MaxSecret = 128

var (
	// ErrNoTPM means that there is no TPM 2.0, or that this process may not use it.
	ErrNoTPM = errors.New("no usable TPM 2.0")

	// ErrBlob means that the blob is damaged, or was sealed by another TPM, or
	// before this one was cleared.
	ErrBlob = errors.New("not sealed by this TPM")
)

// A TPM is an open TPM.
type TPM struct {
	transport.TPM
	io.Closer
}

// New returns the TPM at the other end of a connection.
func New(conn io.ReadWriteCloser) *TPM { return &TPM{transport.FromReadWriter(conn), conn} }

// srk is the primary key under which secrets are sealed. The TPM makes the same one
// each time, from a seed that it keeps.
type srk struct {
	tpm    transport.TPM
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
	public tpm2.TPMTPublic
}

func newSRK(t transport.TPM) (*srk, error) {
	made, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("make the TPM's storage key: %w", err)
	}
	k := &srk{tpm: t, handle: made.ObjectHandle, name: made.Name}
	public, err := made.OutPublic.Contents()
	if err != nil {
		k.flush()
		return nil, fmt.Errorf("make the TPM's storage key: %w", err)
	}
	k.public = *public
	return k, nil
}

func (k *srk) flush() { flush(k.tpm, k.handle) }

func flush(t transport.TPM, handle tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: handle}.Execute(t) // the resource manager does it at the latest
}

// session encrypts what goes in or out, with a secret that only the TPM can read.
func (k *srk) session(option tpm2.AuthOption) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, option, tpm2.Salted(k.handle, k.public))
}

// Seal returns a blob from which only this TPM makes secret again.
func Seal(t *TPM, secret []byte) ([]byte, error) {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("seal to the TPM: want 1 to %d bytes", MaxSecret)
	}
	k, err := newSRK(t)
	if err != nil {
		return nil, err
	}
	defer k.flush()
	made, err := tpm2.Create{
		ParentHandle: tpm2.AuthHandle{Handle: k.handle, Name: k.name, Auth: k.session(tpm2.AESEncryption(128, tpm2.EncryptIn))},
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret}),
		}},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, UserWithAuth: true, NoDA: true},
		}),
	}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("seal to the TPM: %w", err)
	}
	var b cryptobyte.Builder
	for _, part := range [][]byte{tpm2.Marshal(made.OutPublic), tpm2.Marshal(made.OutPrivate)} {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(part) })
	}
	return b.Bytes()
}

// Unseal returns the secret in a blob. It fails with [ErrBlob], or with the TPM's
// error when that does not say that the blob is to blame.
func Unseal(t *TPM, blob []byte) ([]byte, error) {
	var public, private cryptobyte.String
	s := cryptobyte.String(blob)
	if !s.ReadUint16LengthPrefixed(&public) || !s.ReadUint16LengthPrefixed(&private) || !s.Empty() {
		return nil, fmt.Errorf("unseal: %w", ErrBlob)
	}
	inPublic, err1 := tpm2.Unmarshal[tpm2.TPM2BPublic](public)
	inPrivate, err2 := tpm2.Unmarshal[tpm2.TPM2BPrivate](private)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("unseal: %w", ErrBlob)
	}
	k, err := newSRK(t)
	if err != nil {
		return nil, err
	}
	defer k.flush()
	loaded, err := tpm2.Load{
		ParentHandle: tpm2.AuthHandle{Handle: k.handle, Name: k.name, Auth: tpm2.PasswordAuth(nil)},
		InPrivate:    *inPrivate,
		InPublic:     *inPublic,
	}.Execute(t)
	if isBlob(err) {
		return nil, fmt.Errorf("unseal: %w", ErrBlob)
	}
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	defer flush(t, loaded.ObjectHandle)
	opened, err := tpm2.Unseal{
		ItemHandle: tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: k.session(tpm2.AESEncryption(128, tpm2.EncryptOut))},
	}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	return opened.OutData.Buffer, nil
}

// isBlob tells whether the TPM says that what it was given is to blame.
func isBlob(err error) bool {
	for _, code := range []tpm2.TPMRC{tpm2.TPMRCIntegrity, tpm2.TPMRCBinding, tpm2.TPMRCSize, tpm2.TPMRCInsufficient, tpm2.TPMRCValue, tpm2.TPMRCType, tpm2.TPMRCHash, tpm2.TPMRCAttributes} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
