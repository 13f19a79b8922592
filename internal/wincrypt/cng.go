package wincrypt

import "errors"

// Flags and names of ncrypt.h.
const (
	ncryptSilent     = 0x40             // NCRYPT_SILENT_FLAG
	padPKCS1         = 0x2              // NCRYPT_PAD_PKCS1_FLAG
	padOAEP          = 0x4              // NCRYPT_PAD_OAEP_FLAG
	securityProperty = "Security Descr" // NCRYPT_SECURITY_DESCR_PROPERTY
	publicBlob       = "ECCPUBLICBLOB"  // BCRYPT_ECCPUBLIC_BLOB
	rawSecret        = "TRUNCATE"       // BCRYPT_KDF_RAW_SECRET
)

type cngKey struct {
	dll           ncryptDLL
	provider, key handle
}

func openCNG(dll ncryptDLL, at Container) (*cngKey, error) {
	provider, err := dll.openStorageProvider(at.Provider)
	if err != nil {
		return nil, err
	}
	key, err := dll.openKey(provider, at.Name, at.Spec, machineFlag(at)|ncryptSilent)
	if err != nil {
		dll.freeObject(provider)
		return nil, err
	}
	return &cngKey{dll, provider, key}, nil
}

func deleteCNG(dll ncryptDLL, at Container) error {
	k, err := openCNG(dll, at)
	if err != nil {
		return err
	}
	defer dll.freeObject(k.provider)
	if err := dll.deleteKey(k.key, ncryptSilent); err != nil {
		dll.freeObject(k.key)
		return err
	}
	return nil
}

// makeCNG begins a key of a name, and leaves it: ErrExists if there is one.
func makeCNG(dll ncryptDLL, at Container) error {
	provider, err := dll.openStorageProvider(at.Provider)
	if err != nil {
		return err
	}
	defer dll.freeObject(provider)
	key, err := dll.createPersistedKey(provider, "RSA", at.Name, at.Spec, machineFlag(at)) // knows no silent flag
	if err != nil {
		return err
	}
	return dll.freeObject(key) // it was not finalized
}

// Close implements [Key].
func (k *cngKey) Close() error {
	return errors.Join(k.dll.freeObject(k.key), k.dll.freeObject(k.provider))
}

// Decrypt implements [Key].
func (k *cngKey) Decrypt(ciphertext []byte, p Padding) ([]byte, error) {
	var info *oaepInfo
	flags := uint32(padPKCS1)
	if p.OAEP {
		info, flags = &oaepInfo{p.Hash, p.Label}, padOAEP
	}
	plain := make([]byte, len(ciphertext))
	size, err := k.dll.decryptKey(k.key, ciphertext, info, plain, flags|ncryptSilent)
	if err != nil {
		clear(plain)
		return nil, err
	}
	return plain[:min(int(size), len(plain))], nil
}

// Agree implements [Key].
func (k *cngKey) Agree(peer []byte) ([]byte, error) {
	public, err := k.dll.importPublic(k.provider, publicBlob, peer, ncryptSilent)
	if err != nil {
		return nil, err
	}
	defer k.dll.freeObject(public)
	secret, err := k.dll.secretAgreement(k.key, public, ncryptSilent)
	if err != nil {
		return nil, err
	}
	defer k.dll.freeObject(secret)
	raw := make([]byte, 66) // P-521
	size, err := k.dll.deriveKey(secret, rawSecret, raw, 0)
	if err != nil {
		return nil, err
	}
	return raw[:min(int(size), len(raw))], nil
}

// Access implements [Key].
func (k *cngKey) Access() ([]Grant, error) {
	return k.dll.keyAccess(k.key, securityProperty, daclInformation|ncryptSilent)
}

// SetAccess implements [Key].
func (k *cngKey) SetAccess(sddl string) error {
	return k.dll.setKeyAccess(k.key, securityProperty, sddl, daclInformation|ncryptSilent)
}
