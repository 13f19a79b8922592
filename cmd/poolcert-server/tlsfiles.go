package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"poolcert/internal/cli"
)

// Times of a watch.
const (
	settleTime    = 200 * time.Millisecond // a certificate and its key are two files
	mendTime      = 500 * time.Millisecond // until a broken pair is tried again
	mendTries     = 4                      // before a person is told
	slowCheckTime = time.Minute            // for what no notice comes of
)

// tlsFiles is a certificate and its key, read again when the files change.
type tlsFiles struct {
	cert, key string
	log       *slog.Logger

	loaded   func(error) // for tests, as is watching; may be nil
	watching func()

	current  atomic.Pointer[tls.Certificate]
	failures atomic.Uint64
}

// loadTLS reads the files for the first time.
func loadTLS(cert, key string, log *slog.Logger) (*tlsFiles, error) {
	f := &tlsFiles{cert: cert, key: key, log: log}
	if _, err := f.load(); err != nil {
		return nil, cli.Hint(err, "tls_cert is to hold the certificate with its chain and tls_key its key, both in PEM, and the user of the service is to be able to read them")
	}
	return f, nil
}

// load reads the files, and tells whether the certificate is another one.
func (f *tlsFiles) load() (changed bool, err error) {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return false, fmt.Errorf("load tls_cert: %w", err)
	}
	old := f.current.Swap(&pair)
	return old == nil || !slices.EqualFunc(old.Certificate, pair.Certificate, bytes.Equal), nil
}

// certificate is for [tls.Config.GetCertificate].
func (f *tlsFiles) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// reload reads the files again. When that fails, what was read before stays.
func (f *tlsFiles) reload() error {
	changed, err := f.load()
	if err == nil && changed {
		leaf := f.current.Load().Leaf
		f.log.Info("the TLS certificate for clients was replaced", "serial", leaf.SerialNumber.Text(16), "not_after", leaf.NotAfter)
		if time.Now().After(leaf.NotAfter) {
			f.log.Error("the new TLS certificate for clients has expired", "not_after", leaf.NotAfter)
		}
	}
	if f.loaded != nil {
		f.loaded(err)
	}
	return err
}

// complain tells that the present certificate stays.
func (f *tlsFiles) complain(err error) {
	f.log.Error("the changed TLS certificate can't be used, the one before stays", "err", err, "not_after", f.current.Load().Leaf.NotAfter)
	f.failures.Add(1)
}

// watch reloads the files when they change, until ctx ends.
func (f *tlsFiles) watch(ctx context.Context) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil { // the limit of the system is reached
		f.log.Warn("the TLS certificate can't be watched, and is looked at each minute", "err", err)
		watcher = &fsnotify.Watcher{}
	} else {
		defer watcher.Close()
		f.follow(watcher)
	}
	if f.watching != nil {
		f.watching()
	}
	slow := time.NewTicker(slowCheckTime)
	defer slow.Stop()
	var settled <-chan time.Time // nil: nothing to do
	tries := 0
	broken := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-watcher.Events:
			if settled == nil {
				settled, tries = time.After(settleTime), 0
			}
			continue
		case <-watcher.Errors: // events were lost
		case <-slow.C:
		case <-settled:
		}
		settled = nil
		err := f.reload()
		switch {
		case err == nil:
			broken = ""
		case tries < mendTries:
			tries++
			settled = time.After(mendTime)
		case broken != err.Error(): // told once
			broken = err.Error()
			f.complain(err)
		}
		// Before it was watched, a new folder may have changed again.
		if watcher.Events != nil && f.follow(watcher) && settled == nil {
			settled = time.After(settleTime)
		}
	}
}

// follow watches the folders on the way to the files, and no others. Folders, since
// files are replaced; all on the way, since they are often links, of which any may be
// replaced: Kubernetes does so with a folder, certbot with the last one. It tells
// whether there are new ones.
func (f *tlsFiles) follow(w *fsnotify.Watcher) (added bool) {
	watched := w.WatchList()
	wanted := append(folders(f.cert), folders(f.key)...)
	for _, have := range watched {
		if !slices.Contains(wanted, have) {
			w.Remove(have) // it may be gone
		}
	}
	for _, dir := range wanted {
		if err := w.Add(dir); err != nil {
			f.log.Debug("a folder can't be watched", "path", dir, "err", err)
		} else if !slices.Contains(watched, dir) {
			added = true
		}
	}
	return added
}

// maxLinks is where a way of links ends, as in the system's own rules.
const maxLinks = 40

// folders returns the real folder of a file, and of each link on the way to it.
func folders(path string) []string {
	var found []string
	for range maxLinks {
		// The links inside of the folder's own path are on the way, too.
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
				found = appendReal(found, filepath.Dir(dir))
			}
			if filepath.Dir(dir) == dir {
				break
			}
		}
		found = appendReal(found, filepath.Dir(path))
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				break
			}
			target = filepath.Join(dir, target)
		}
		path = target
	}
	return found
}

func appendReal(dirs []string, dir string) []string {
	if real, err := filepath.EvalSymlinks(dir); err == nil && !slices.Contains(dirs, real) {
		return append(dirs, real)
	}
	return dirs
}
