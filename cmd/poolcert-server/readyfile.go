package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"poolcert/internal/securefile"
)

// ready is what the ready file holds.
type ready struct {
	URL        string `json:"url"`
	NodeURL    string `json:"nodeUrl"`
	Listen     string `json:"listen"`
	NodeListen string `json:"nodeListen"`
	Metrics    string `json:"metrics,omitempty"` // URL
	PID        int    `json:"pid"`
}

func readyAt(cfg *config, o runOptions, l *listeners) ready {
	scheme := "https"
	if o.insecure {
		scheme = "http"
	}
	clients, nodes := l.clients.Addr().String(), l.nodes.Addr().String()
	at := ready{
		URL:     cfg.urlFor(cfg.URL, scheme, clients),
		NodeURL: cfg.urlFor(cfg.NodeURL, "https", nodes),
		Listen:  clients, NodeListen: nodes, PID: os.Getpid(),
	}
	if l.metrics != nil {
		at.Metrics = "http://" + l.metrics.Addr().String() + "/metrics"
	}
	return at
}

// removeReady removes the file of a run before, or of this one. No path is no file.
func removeReady(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (at ready) write(path string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(at, "", "  ")
	if err != nil {
		return err
	}
	return securefile.WriteFile(path, append(data, '\n'), 0o644)
}
