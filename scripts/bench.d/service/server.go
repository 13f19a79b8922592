//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"poolcert/batch"
)

// A server is a process of poolcert-server with one account, and its client.
type server struct {
	*batch.Client
	cmd     *exec.Cmd
	dir     string
	dsn     string
	address string // of the node listener
	metrics string // URL
	ca      *x509.CertPool
}

const account = "bench"

// start makes a data directory, with SQLite unless there is the URL of another
// database, and runs the server.
func (b *bench) start(ctx context.Context, name, database string) (*server, error) {
	s := &server{dir: filepath.Join(b.dir, name), dsn: database}
	if database == "" {
		s.dsn = filepath.Join(s.dir, "poolcert.db")
	}
	args := []string{"init", "--dir", s.dir, "--host", "127.0.0.1", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0"}
	if database != "" {
		args = append(args, "--database", database)
	}
	if _, err := b.call(ctx, args...); err != nil {
		return nil, err
	}
	if err := appendTo(filepath.Join(s.dir, "server.toml"), "\n[metrics]\nlisten = \"127.0.0.1:0\"\n"); err != nil {
		return nil, err
	}
	out, err := b.call(ctx, "account", "create", "--dir", s.dir, account, "--json")
	if err != nil {
		return nil, err
	}
	var made struct {
		PrimaryKey batch.Key `json:"primaryKey"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	return s, b.run(ctx, s, made.PrimaryKey)
}

func (b *bench) call(ctx context.Context, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, b.server, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, &stderr)
	}
	return out, nil
}

// run starts the process and waits until it listens.
func (b *bench) run(ctx context.Context, s *server, key batch.Key) error {
	ready := filepath.Join(s.dir, "ready")
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.CommandContext(ctx, b.server, "run", "--dir", s.dir, "--ready-file", ready)
	s.cmd.Stderr = log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	if err := s.cmd.Start(); err != nil {
		return err
	}
	var at struct{ URL, NodeListen, Metrics string }
	for late := time.After(20 * time.Second); ; {
		if data, err := os.ReadFile(ready); err == nil && json.Unmarshal(data, &at) == nil {
			break
		}
		select {
		case <-late:
			return fmt.Errorf("the server is not ready: see %s", log.Name())
		case <-time.After(20 * time.Millisecond):
		}
	}
	pem, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return err
	}
	s.ca, s.address, s.metrics = x509.NewCertPool(), at.NodeListen, at.Metrics
	s.ca.AppendCertsFromPEM(pem)
	s.Client = &batch.Client{Endpoint: at.URL, Credentials: batch.Credentials{Account: account, Key: key},
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca}}}}
	return nil
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// stop ends the process.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// processor returns the time that the server's process has taken.
func (s *server) processor() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+2:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in 1/100 s
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// Processors is the time that the server's process and this one, which plays the nodes,
// have taken.
type processors struct{ server, player time.Duration }

func (s *server) processors() (processors, error) {
	server, err := s.processor()
	var own syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	return processors{server, time.Duration(own.Utime.Nano() + own.Stime.Nano())}, err
}

func (s *server) processorsSince(before processors) (processors, error) {
	now, err := s.processors()
	return processors{now.server - before.server, now.player - before.player}, err
}

// Memory is what the server's process holds, in bytes.
type memory struct {
	resident int64
	heap     int64 // in use, with what the next collection will free
	stacks   int64 // of goroutines
}

func (s *server) memory() (m memory, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return m, err
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	if m.resident, err = strconv.ParseInt(strings.Fields(rest)[0], 10, 64); err != nil {
		return m, err
	}
	m.resident <<= 10
	resp, err := http.Get(s.metrics)
	if err != nil {
		return m, err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		value, _ := strconv.ParseFloat(text, 64) // comments are none of ours
		switch name {
		case "go_memstats_heap_inuse_bytes":
			m.heap = int64(value)
		case "go_memstats_stack_inuse_bytes":
			m.stacks = int64(value)
		}
	}
	return m, nil
}
