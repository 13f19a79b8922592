package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/pfx"
)

// A certFolder is a key source: the certificates that the agent, or Azure Batch,
// installed as files. They are opened when they are looked at, once.
type certFolder struct {
	dir string

	mu    sync.Mutex
	read  bool
	certs []*folderCert
	err   error // of reading the folder
}

// A folderCert is one certificate of it.
type folderCert struct {
	base   string // path without the end
	ends   []string
	cert   *x509.Certificate // nil: not known yet
	key    crypto.PrivateKey // nil: not opened yet
	failed error
}

// errEmptyFolder means that there is nothing to open messages with.
var errEmptyFolder = errors.New("no certificate with a private key is there")

// PrivateKey implements [decrypt.KeySource].
func (f *certFolder) PrivateKey(ctx context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.read {
		f.certs, f.err = listCertificates(f.dir)
		f.read = true
	}
	if f.err != nil {
		return nil, nil, f.err
	}
	var failed error
	for _, c := range f.certs {
		// A public file tells without a password whether the other is worth opening.
		if c.cert == nil || match(c.cert) && c.key == nil {
			c.open(ctx)
		}
		switch {
		case c.failed != nil:
			failed = fmt.Errorf("%s: %w", c.base, c.failed)
		case match(c.cert):
			return c.cert, c.key, nil
		}
	}
	if failed != nil {
		return nil, nil, fmt.Errorf("%w; but this one could not be looked at: %w", decrypt.ErrNoRecipient, failed)
	}
	return nil, nil, decrypt.ErrNoRecipient
}

// listCertificates finds those with private keys in a folder.
func listCertificates(dir string) ([]*folderCert, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []*folderCert
	for _, e := range entries { // sorted, so that the files of one certificate follow each other
		base, end, ok := strings.Cut(e.Name(), ".")
		if !ok || !strings.HasPrefix(base, "sha1-") {
			continue
		}
		base = filepath.Join(dir, base)
		if n := len(all); n == 0 || all[n-1].base != base {
			all = append(all, &folderCert{base: base})
		}
		c := all[len(all)-1]
		c.ends = append(c.ends, end)
	}
	all = slices.DeleteFunc(all, func(c *folderCert) bool { return !c.has("pfx") && !c.has("key") })
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, errEmptyFolder)
	}
	for _, c := range all {
		if data, err := readFileLimited(c.base+".cer", maxKeyFile); c.has("cer") && err == nil {
			c.cert, _ = x509.ParseCertificate(data)
		}
	}
	return all, nil
}

func (c *folderCert) has(end string) bool { return slices.Contains(c.ends, end) }

// open opens the PFX, or the key in PEM.
func (c *folderCert) open(ctx context.Context) {
	if c.key != nil || c.failed != nil {
		return
	}
	c.failed = func() error {
		if !c.has("pfx") {
			return c.openKey()
		}
		data, err := readFileLimited(c.base+".pfx", maxPFX)
		if err != nil {
			return err
		}
		var password []byte
		if c.has("pfx.pw") {
			if password, err = readFileLimited(c.base+".pfx.pw", maxKeyFile); err != nil {
				return err
			}
		}
		bundle, err := pfx.Decode(ctx, data, strings.TrimRight(string(password), "\r\n"), pfx.Options{})
		if err != nil {
			return err
		}
		c.cert, c.key = bundle.Leaf, bundle.Key
		return nil
	}()
}

func (c *folderCert) openKey() error {
	data, err := readFileLimited(c.base+".key", maxKeyFile)
	if err != nil {
		return err
	}
	key, err := parseKey(data)
	if err != nil {
		return err
	}
	if c.cert == nil {
		if data, err = readFileLimited(c.base+".pem", maxKeyFile); err == nil {
			c.cert, err = certificateOf(key, data)
		}
	}
	if err == nil {
		c.key = key
	}
	return err
}

// An agentOrFolder asks the node's agent, and opens with the task's own folder of
// certificates where that has nothing for this task: then a task works on a node
// without an agent, too.
type agentOrFolder struct {
	agent, folder decrypt.Unwrapper
}

// try calls use for the agent, and for the folder if it must.
func (a agentOrFolder) try(use func(decrypt.Unwrapper) error) error {
	err := use(a.agent)
	if errors.Is(err, localsock.ErrUntrusted) || !errors.Is(err, local.ErrUnavailable) && !errors.Is(err, local.ErrNotAllowed) {
		return err
	}
	var missing *os.PathError
	if folderErr := use(a.folder); !errors.As(folderErr, &missing) && !errors.Is(folderErr, errEmptyFolder) {
		return folderErr
	}
	return err
}

func (a agentOrFolder) Unwrap(ctx context.Context, w *cms.WrappedKey) (cek []byte, err error) {
	err = a.try(func(u decrypt.Unwrapper) error {
		cek, err = u.Unwrap(ctx, w)
		return err
	})
	return cek, err
}

func (a agentOrFolder) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) (ceks [][]byte, err error) {
	err = a.try(func(u decrypt.Unwrapper) error {
		ceks, err = u.UnwrapJWE(ctx, w)
		return err
	})
	return ceks, err
}

func (a agentOrFolder) OpenRSA(ctx context.Context, b *decrypt.RSABlock) (secret []byte, err error) {
	err = a.try(func(u decrypt.Unwrapper) error {
		secret, err = u.OpenRSA(ctx, b)
		return err
	})
	return secret, err
}
