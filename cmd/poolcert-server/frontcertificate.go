package main

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// frontCertificate is what clients see: the operator's own certificate, or one that
// the service's CA issues.
type frontCertificate struct {
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	files       *tlsFiles // nil: the CA's
}

func openFront(cfg *config, d *data, log *slog.Logger) (*frontCertificate, error) {
	if cfg.TLSCert == "" {
		return &frontCertificate{certificate: d.ca.ServerCertificate(cfg.certificateHosts())}, nil
	}
	files, err := loadTLS(cfg.TLSCert, cfg.TLSKey, log)
	if err != nil {
		return nil, err
	}
	return &frontCertificate{certificate: files.certificate, files: files}, nil
}

// config is for clients, some of which don't speak TLS 1.3 yet.
func (f *frontCertificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: f.certificate}
}

// expires is 1970 if no certificate can be had.
func (f *frontCertificate) expires() time.Time {
	cert, err := f.certificate(nil)
	if err != nil || cert.Leaf == nil {
		return time.Unix(0, 0)
	}
	return cert.Leaf.NotAfter
}
