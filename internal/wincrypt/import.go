package wincrypt

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"poolcert/internal/erase"
	"poolcert/internal/pfx"
)

// Flags of ImportPFX and ImportBlob, in the values of Windows.
const (
	FlagExportable = 0x1    // CRYPT_EXPORTABLE
	FlagMachine    = 0x20   // CRYPT_MACHINE_KEYSET
	FlagUser       = 0x1000 // CRYPT_USER_KEYSET
	FlagAlwaysCNG  = 0x200  // PKCS12_ALWAYS_CNG_KSP
	FlagOverwrite  = 0x4000 // PKCS12_ALLOW_OVERWRITE_KEY: a key of the same name
)

// cngName is the provider of keys from a PFX.
const cngName = "Microsoft Software Key Storage Provider"

// The CSP of RSA keys where there is no CNG.
const (
	cspName     = "Microsoft Enhanced RSA and AES Cryptographic Provider"
	cspType     = 24 // PROV_RSA_AES
	keyExchange = 1  // AT_KEYEXCHANGE
)

// An ImportRequest says what key Windows is to keep, and how.
type ImportRequest struct {
	Bundle     *pfx.Bundle // Leaf and Key; the rest is not imported
	At         Location    // the machine's or the user's keys
	Exportable bool
	Name       string // begins that of the container; the rest is from the key

	// Access is who may use the key, in the security descriptor definition language.
	Access string
}

// pfxFlags are those of PFXImportCertStore. The key is bound to CNG: the CSPs are
// deprecated, know no OAEP but with SHA-1, and no elliptic curves.
func (r *ImportRequest) pfxFlags() uint32 {
	flags := uint32(FlagAlwaysCNG | FlagOverwrite)
	if r.At == LocalMachine {
		flags |= FlagMachine
	} else {
		flags |= FlagUser
	}
	if r.Exportable {
		flags |= FlagExportable
	}
	return flags
}

func (r *ImportRequest) blobFlags() uint32 {
	if r.Exportable {
		return FlagExportable
	}
	return 0
}

// cng and csp are the container with a name, in either kind of provider.
func (r *ImportRequest) cng(name string) Container {
	return Container{Name: name, Provider: cngName, Machine: r.At == LocalMachine}
}

func (r *ImportRequest) csp(name string) Container {
	return Container{Name: name, Provider: cspName, Type: cspType, Machine: r.At == LocalMachine, Spec: keyExchange}
}

// containerName returns the name under which Windows keeps the key: the same each
// time, so that an import which a crash cut short is overwritten by the next one, and
// from the key, so that nobody can take the name before.
func (r *ImportRequest) containerName() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(r.Bundle.Key)
	if err != nil {
		return "", err
	}
	defer clear(der)
	sum, err := hkdf.Key(sha256.New, der, nil, "poolcert name of a key container\n"+r.Name, 12)
	if err != nil {
		return "", err
	}
	return r.Name + "-" + hex.EncodeToString(sum), nil
}

// Import has Windows keep the key and returns where. First CNG is asked, with the key
// alone in a PFX of the form that every Windows reads, whatever form it came in. If it
// refuses, or gives back a key that does not work, an old CSP gets it, if it is for RSA.
// After an error nothing is left. The key is for r.Access only when Import returns, and
// before that for those whom Windows lets by itself: the system, administrators and
// this process's account.
func Import(ctx context.Context, c Calls, r ImportRequest) (Container, error) {
	if err := checkKind(r.Bundle.Key); err != nil {
		return Container{}, err
	}
	name, err := r.containerName()
	if err != nil {
		return Container{}, err
	}
	at, err := importAs(ctx, c, &r, name)
	if !refused(err) {
		return at, err
	}
	// Names of keys that were there once are known, and any user may have made a key
	// of the computer with one. Its new name nobody knows.
	at, again := importAs(ctx, c, &r, name+"-"+hex.EncodeToString(random(8)))
	if again != nil {
		return Container{}, err
	}
	return at, nil
}

// refused tells whether another name may help, and another provider does not.
func refused(err error) bool { return errors.Is(err, ErrExists) || errors.Is(err, ErrAccess) }

// importAs has Windows keep the key under a name.
func importAs(ctx context.Context, c Calls, r *ImportRequest, name string) (Container, error) {
	at, err := importCNG(ctx, c, r, name)
	if err == nil || refused(err) || ctx.Err() != nil {
		return at, err
	}
	key, isRSA := r.Bundle.Key.(*rsa.PrivateKey)
	if !isRSA {
		return Container{}, err
	}
	at = r.csp(name)
	cspErr := importCSP(c, r, key, at)
	if cspErr == nil {
		if cspErr = finish(c, r, at); cspErr == nil {
			return at, nil
		}
	}
	return Container{}, fmt.Errorf("%w; and for an older provider: %w", err, cspErr)
}

// checkKind refuses keys that no provider of Windows takes from a PFX.
func checkKind(key crypto.PrivateKey) error {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return nil
	case *ecdsa.PrivateKey:
		public, err := key.PublicKey.ECDH()
		if err == nil && magics[public.Curve()] != 0 {
			return nil
		}
		return fmt.Errorf("a private key on the curve %s: %w", key.Curve.Params().Name, ErrUnsupported)
	}
	return fmt.Errorf("a private key of %T: %w", key, ErrUnsupported)
}

func importCNG(ctx context.Context, c Calls, r *ImportRequest, name string) (at Container, err error) {
	if err := ctx.Err(); err != nil {
		return at, err
	}
	password := hex.EncodeToString(random(16))
	erase.Do(func() {
		var data []byte
		// The key alone: each one in a file that Windows is given, it keeps.
		if data, err = pfx.EncodeLegacy(&pfx.Bundle{Leaf: r.Bundle.Leaf, Key: r.Bundle.Key}, name, password); err == nil {
			at, err = c.ImportPFX(r.cng(name), data, password, r.pfxFlags())
			clear(data)
		}
	})
	if err != nil {
		return Container{}, fmt.Errorf("import the key: %w", err)
	}
	if err := finish(c, r, at); err != nil {
		return Container{}, err
	}
	return at, nil
}

func importCSP(c Calls, r *ImportRequest, key *rsa.PrivateKey, at Container) (err error) {
	erase.Do(func() {
		var blob []byte
		if blob, err = privateKeyBlob(key); err == nil {
			err = c.ImportBlob(at, blob, r.blobFlags())
			clear(blob)
		}
	})
	if err != nil {
		return fmt.Errorf("import the key: %w", err)
	}
	return nil
}

// finish sets who may use the key, and tries it. With an error the key is gone.
func finish(c Calls, r *ImportRequest, at Container) error {
	err := SetAccess(c, at, r.Access)
	if err == nil {
		err = Try(c, at, r.Bundle)
	}
	if err != nil {
		err = errors.Join(err, c.DeleteKey(at))
	}
	return err
}

// SetAccess sets who may use a key.
func SetAccess(c Calls, at Container, access string) error {
	key, err := c.OpenKey(at)
	if err != nil {
		return fmt.Errorf("open the key: %w", err)
	}
	defer key.Close()
	if err := key.SetAccess(access); err != nil {
		return fmt.Errorf("set who may use the key: %w", err)
	}
	return nil
}

// Try tells whether the key at a place is the one of b, by using it.
func Try(c Calls, at Container, b *pfx.Bundle) error {
	p, err := NewPrivateKey(c, at, b)
	if err != nil {
		return err
	}
	p.instead = nil
	defer p.Close()
	if err := p.try(); err != nil {
		return fmt.Errorf("try the key that Windows keeps: %w", err)
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// publicOf returns the public half of a private key of this process.
func publicOf(key crypto.PrivateKey, leaf *x509.Certificate) crypto.PublicKey {
	if k, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return k.Public()
	}
	return leaf.PublicKey
}
