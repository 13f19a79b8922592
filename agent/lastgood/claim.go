package lastgood

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
)

// A claim is a small file that says for whom the agent did something, so that
// later ones know whether it was them: a digest of the membership, or of the source
// that is none. It needs no key and holds no secret.

// claims tells whether the file was written for the same membership.
func (v *Vault) claims(file, what string) bool {
	data, err := v.state.Read(file, 256)
	return err == nil && bytes.Equal(data, v.claim(what))
}

// setClaim writes the file, unless it says so already.
func (v *Vault) setClaim(file, what string) error {
	if v.claims(file, what) {
		return nil
	}
	return v.state.Write(file, v.claim(what))
}

// dropFile removes a file of the state directory, if it is there.
func (v *Vault) dropFile(file string) error {
	if _, err := os.Lstat(v.state.File(file)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return v.state.Remove(file)
}

func (v *Vault) claim(what string) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%s", len(v.node), v.node, what)
	return append([]byte(hex.EncodeToString(h.Sum(nil))), '\n')
}

// WillInstall notes, before the first certificate is installed, whose they are.
func (v *Vault) WillInstall() error {
	if err := v.setClaim(statedir.InstalledFile, v.installs); err != nil {
		return fmt.Errorf("save whose certificates are installed: %w", err)
	}
	return nil
}

// HasInstalled tells whether what is in the certificates directory was installed
// for this membership.
func (v *Vault) HasInstalled() bool { return v.claims(statedir.InstalledFile, v.installs) }

// WasEvicted tells whether an agent was told that the node is no member any more.
func WasEvicted(stateDir string, id *member.Identity) bool {
	return newVault(statedir.At(stateDir), id, nil).claims(statedir.EvictedFile, "evicted")
}

// setEvicted notes that, or the contrary.
func (v *Vault) setEvicted(evicted bool) error {
	if evicted {
		return v.setClaim(statedir.EvictedFile, "evicted")
	}
	return v.dropFile(statedir.EvictedFile)
}
