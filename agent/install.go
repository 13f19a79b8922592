package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/internal/wincrypt"
	"poolcert/store"
)

// An Install is a place where certificates go.
type Install string

const (
	InstallDirectory Install = "directory" // certificates_dir
	InstallStores    Install = "stores"    // the certificate stores of Windows
)

// A StoresConfig is the table [stores], about the certificate stores of Windows.
type StoresConfig struct {
	// Exportable lists the certificates whose private keys may leave Windows, by
	// thumbprint or by the name that a reference has. Others may not.
	Exportable []string `toml:"exportable"`

	// CurrentUser says where certificates go that references have in the store location
	// currentuser, which is also what a reference without one means: "localmachine"
	// (default), but for stores that say whom to trust; or "agent", the stores
	// of the agent's account, which other accounts do not see. With "agent", a
	// certificate fails whose key other accounts are to use themselves.
	CurrentUser string `toml:"currentuser"`
}

const (
	userOfAgent   = "agent"
	userOfMachine = string(batch.LocalMachine)
)

// isExportable tells whether a key may leave Windows.
func (c *StoresConfig) isExportable(r batch.CertificateReference) bool {
	return slices.ContainsFunc(c.Exportable, func(text string) bool {
		if t, err := batch.ParseThumbprint(text); err == nil {
			return t == r.Thumbprint
		}
		return r.Name != "" && batch.CertificateName(text).Key() == r.Name.Key()
	})
}

// Installs tells whether certificates go to a place.
func (c *Config) Installs(i Install) bool { return slices.Contains(c.Install, i) }

// checkInstall refuses what cannot be, and names its key.
func (c *Config) checkInstall() error {
	if len(c.Install) == 0 {
		return fmt.Errorf("install: an empty list: want %q or %q", InstallDirectory, InstallStores)
	}
	for i, where := range c.Install {
		switch {
		case where != InstallDirectory && where != InstallStores:
			return fmt.Errorf("install: %q is neither %s nor %s", string(where), InstallDirectory, InstallStores)
		case where == InstallStores && !hasStores:
			return fmt.Errorf("install: only Windows has certificate stores: want [%q]", InstallDirectory)
		case slices.Contains(c.Install[:i], where):
			return fmt.Errorf("install: %s is there twice", where)
		}
	}
	if u := c.Stores.CurrentUser; u != userOfAgent && u != userOfMachine {
		return fmt.Errorf("stores.currentuser: %q is neither %s nor %s", u, userOfAgent, userOfMachine)
	}
	for _, text := range c.Stores.Exportable {
		if _, err := batch.ParseThumbprint(text); err == nil {
			continue
		}
		if _, err := batch.ParseCertificateName(text); err != nil {
			return fmt.Errorf("stores.exportable: %.80q is neither a thumbprint nor a name: %w", text, err)
		}
	}
	return nil
}

// folder returns the certificates directory, or "" if there is none.
func (c *Config) folder() string {
	if !c.Installs(InstallDirectory) {
		return ""
	}
	return c.CertificatesDir
}

// installedIn tells where certificates are, to tell them from those that another
// configuration has put elsewhere.
func (c *Config) installedIn() string {
	if !c.Installs(InstallStores) {
		return c.CertificatesDir
	}
	return string(InstallStores) + " " + c.folder()
}

// openStore locks and opens what certificates are installed into. The closer ends the
// use of keys, too.
func (a *Agent) openStore() (store.Store, io.Closer, error) {
	if !a.config.Installs(InstallStores) {
		a.leaveStores()
		dir, lock, err := a.openDirectory()
		if err != nil {
			return nil, nil, err
		}
		return &ownedStore{owned: dir, dir: dir, config: a.config}, lock, nil
	}
	calls, err := a.windows()
	if err != nil {
		return nil, nil, err
	}
	stores, err := store.OpenSystem(store.SystemOptions{
		Calls: calls, Tag: storeTag(a.config.StateDir), Keyless: a.config.Keyless(),
		Exportable: a.config.Stores.isExportable, UserAsMachine: a.config.Stores.CurrentUser == userOfMachine,
	})
	if err != nil {
		return nil, nil, err
	}
	if !a.config.Installs(InstallDirectory) {
		return &ownedStore{owned: stores, stores: stores, config: a.config}, stores, nil // the lock is that of the state directory
	}
	dir, lock, err := a.openDirectory()
	if err != nil {
		return nil, nil, err
	}
	return &ownedStore{owned: &twoStores{stores: stores, dir: dir}, dir: dir, stores: stores, config: a.config}, closers{stores, lock}, nil
}

// closers are closed in their order.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// openDirectory locks and opens the certificates directory.
func (a *Agent) openDirectory() (*store.Dir, io.Closer, error) {
	if err := filetrust.MakePassable(filepath.Dir(a.config.CertificatesDir)); err != nil {
		return nil, nil, fmt.Errorf("make certificates directory: %w", err)
	}
	lock, err := store.LockDir(a.config.CertificatesDir)
	if err != nil {
		return nil, nil, err
	}
	keep := a.config.KeepGenerations
	if keep == 0 {
		keep = -1 // to the store, 0 is the default
	}
	dir, err := store.OpenDir(store.DirOptions{
		Root: a.config.CertificatesDir, Formats: a.config.formats(), Keyless: a.config.Keyless(), KeepGenerations: keep,
	})
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return dir, lock, nil
}

// storeTag marks the certificates of the agent with this state directory.
func storeTag(stateDir string) string { return strings.ToLower(filepath.Clean(stateDir)) }

// leaveStores removes what an agent with another configuration has put into stores.
func (a *Agent) leaveStores() {
	calls, err := a.windows()
	if err != nil {
		return // there are none
	}
	if err := clearSystem(context.Background(), calls, a.config.StateDir); err != nil {
		a.log.Error("certificates of a former configuration are left in the certificate stores", "err", err)
	}
}

// clearSystem removes the certificates of the agent with this state directory from all
// certificate stores.
func clearSystem(ctx context.Context, calls wincrypt.Calls, stateDir string) error {
	stores, err := store.OpenSystem(store.SystemOptions{Calls: calls, Tag: storeTag(stateDir)})
	if err == nil {
		_, err = stores.Replace(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("remove the certificates from the certificate stores: %w", err)
	}
	return nil
}

// clearAnySystem does so if this is Windows.
func clearAnySystem(ctx context.Context, stateDir string) error {
	calls, err := wincrypt.System()
	if errors.Is(err, wincrypt.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	return clearSystem(ctx, calls, stateDir)
}
