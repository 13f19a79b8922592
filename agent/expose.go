package agent

import (
	"fmt"
	"slices"

	"poolcert/batch"
	"poolcert/store"
)

// An Expose says how tasks use private keys.
type Expose string

const (
	ExposeFiles       Expose = "files"        // as files, and through the socket
	ExposeDecryptOnly Expose = "decrypt-only" // through the socket
)

// checkExpose refuses values that are none, and names their key.
func (c *Config) checkExpose() error {
	if err := c.Expose.check("expose"); err != nil {
		return err
	}
	for _, v := range batch.Visibilities() {
		if e := c.Owners.For(v).Expose; e != "" {
			if err := e.check("owners." + string(v) + ".expose"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e Expose) check(key string) error {
	if e != ExposeFiles && e != ExposeDecryptOnly {
		return fmt.Errorf("%s: %q is neither %s nor %s", key, string(e), ExposeFiles, ExposeDecryptOnly)
	}
	return nil
}

// Keyless returns the visibilities whose files hold no keys.
func (c *Config) Keyless() []batch.Visibility {
	return slices.DeleteFunc(batch.Visibilities(), func(v batch.Visibility) bool {
		expose := c.Owners.For(v).Expose
		if expose == "" {
			expose = c.Expose
		}
		return expose != ExposeDecryptOnly
	})
}

// keyInFiles tells whether files of one of the visibilities hold a certificate's
// key, or its owners may use it in a store: nobody sees who uses it.
func (c *Config) keyInFiles(visible []batch.Visibility) bool {
	keyless, formats := c.Keyless(), c.formats()
	return slices.ContainsFunc(visible, func(v batch.Visibility) bool {
		if c.Installs(InstallStores) && !slices.Contains(keyless, v) {
			return true
		}
		f, configured := formats[v]
		withKey := !configured || slices.Contains(f, store.FilePFX) || slices.Contains(f, store.FileKey)
		return withKey && !slices.Contains(keyless, v)
	})
}
