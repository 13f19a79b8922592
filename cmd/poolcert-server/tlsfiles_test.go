//go:build unix

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// relink replaces a link in one step.
func relink(t *testing.T, target, path string) {
	t.Helper()
	put(t, os.Symlink(target, path+".new"))
	put(t, os.Rename(path+".new", path))
}

// A watched is a pair of files that is watched.
type watched struct {
	*tlsFiles
	t     *testing.T
	loads chan error
	lines chan string // of the log
}

func watchFiles(t *testing.T, cert, key string) *watched {
	t.Helper()
	w := &watched{t: t, loads: make(chan error, 100), lines: make(chan string, 100)}
	log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		w.lines <- string(p)
		return len(p), nil
	}), nil))
	files, err := loadTLS(cert, key, log)
	put(t, err)
	files.loaded = func(err error) { w.loads <- err }
	w.tlsFiles = files
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan bool)
	watching := make(chan struct{})
	files.watching = func() {
		select {
		case <-watching:
		default:
			close(watching)
		}
	}
	go func() {
		defer close(ended)
		files.watch(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	<-watching
	return w
}

// becomes waits until the pair is the one that clients see.
func (w *watched) becomes(p pair) {
	w.t.Helper()
	late := time.After(30 * time.Second)
	for {
		cert, err := w.certificate(nil)
		put(w.t, err)
		if cert.Leaf.SerialNumber.Cmp(p.serial) == 0 {
			return
		}
		select {
		case <-w.loads:
		case <-late:
			w.t.Fatal("the new certificate was not seen")
		}
	}
}

func TestTLSFilesAreFollowed(t *testing.T) {
	one, two, three, four := newPair(t), newPair(t), newPair(t), newPair(t)
	for name, replace := range map[string]func(t *testing.T, dir string) (cert string, next func(pair)){
		"written in place": func(t *testing.T, dir string) (string, func(pair)) {
			one.write(t, dir)
			return filepath.Join(dir, "cert.pem"), func(p pair) { p.write(t, dir) }
		},
		"renamed into place": func(t *testing.T, dir string) (string, func(pair)) {
			one.write(t, dir)
			return filepath.Join(dir, "cert.pem"), func(p pair) {
				p.write(t, filepath.Join(dir, "new"))
				for _, name := range []string{"key.pem", "cert.pem"} {
					put(t, os.Rename(filepath.Join(dir, "new", name), filepath.Join(dir, name)))
				}
			}
		},
		"Kubernetes": func(t *testing.T, dir string) (string, func(pair)) {
			n := 0
			next := func(p pair) {
				n++
				name := "..2026_0" + string(rune('0'+n))
				p.write(t, filepath.Join(dir, name))
				relink(t, name, filepath.Join(dir, "..data"))
			}
			next(one)
			for _, name := range []string{"cert.pem", "key.pem"} {
				put(t, os.Symlink("..data/"+name, filepath.Join(dir, name)))
			}
			return filepath.Join(dir, "cert.pem"), next
		},
		"certbot": func(t *testing.T, dir string) (string, func(pair)) {
			n := 0
			live := filepath.Join(dir, "live", "site")
			put(t, os.MkdirAll(live, 0o700))
			next := func(p pair) {
				n++
				name := "v" + string(rune('0'+n))
				p.write(t, filepath.Join(dir, "archive", name))
				for _, file := range []string{"cert.pem", "key.pem"} {
					relink(t, filepath.Join("..", "..", "archive", name, file), filepath.Join(live, file))
				}
			}
			next(one)
			return filepath.Join(live, "cert.pem"), next
		},
		"a linked folder": func(t *testing.T, dir string) (string, func(pair)) {
			n := 0
			next := func(p pair) {
				n++
				name := "v" + string(rune('0'+n))
				p.write(t, filepath.Join(dir, name, "tls"))
				relink(t, name, filepath.Join(dir, "current"))
			}
			next(one)
			return filepath.Join(dir, "current", "tls", "cert.pem"), next
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, next := replace(t, t.TempDir())
			w := watchFiles(t, cert, filepath.Join(filepath.Dir(cert), "key.pem"))
			next(two)
			w.becomes(two)
			next(three) // what is watched has changed
			w.becomes(three)
			// Also in a folder that was not there when the watch began.
			folder, err := filepath.EvalSymlinks(filepath.Dir(cert))
			put(t, err)
			if file, err := filepath.EvalSymlinks(cert); err == nil {
				folder = filepath.Dir(file)
			}
			four.write(t, folder)
			w.becomes(four)
			if n := w.failures.Load(); n != 0 {
				t.Errorf("%d failures", n)
			}
		})
	}
}

// A pair that is no pair changes nothing, is told once, and does no harm to the next.
func TestBrokenTLSFiles(t *testing.T) {
	dir := t.TempDir()
	one, two := newPair(t), newPair(t)
	one.write(t, dir)
	cert := filepath.Join(dir, "cert.pem")
	w := watchFiles(t, cert, filepath.Join(dir, "key.pem"))
	put(t, os.WriteFile(cert, two.cert, 0o600)) // and not the key
	select {
	case line := <-w.lines:
		if !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "the one before stays") {
			t.Errorf("the log says %s", line)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody is told")
	}
	w.becomes(one)
	two.write(t, dir)
	w.becomes(two)
}

func TestTLSFilesMissing(t *testing.T) {
	if _, err := loadTLS("/nonexistent/cert.pem", "/nonexistent/key.pem", discard); err == nil {
		t.Error("it was loaded")
	}
}
