package account

import (
	"context"

	"poolcert/batch"
)

// AddCertificate checks the file against what add says of it and stores it, in
// the state active. Refusals: InvalidPropertyValue, MissingRequiredProperty,
// CertificateExists, ServerBusy.
func (s *Service) AddCertificate(ctx context.Context, a *Account, add *batch.AddCertificate) error {
	panic("unfinished")
}

// Certificate returns one certificate without its URL and Metadata. Refusal:
// CertificateNotFound.
func (s *Service) Certificate(ctx context.Context, a *Account, tp batch.Thumbprint) (*batch.Certificate, error) {
	panic("unfinished")
}

// Certificates returns a page of certificates, and whether more follow. A filter
// on an unknown property is refused as InvalidQueryParameterValue.
func (s *Service) Certificates(ctx context.Context, a *Account, q CertificateQuery) (page []batch.Certificate, more bool, err error) {
	panic("unfinished")
}

// DeleteCertificate begins a deletion, also when the certificate is in use: see
// [Service.Run] for its end. Refusals: CertificateNotFound,
// CertificateBeingDeleted.
func (s *Service) DeleteCertificate(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	panic("unfinished")
}

// CancelDeletion makes a certificate active again whose deletion failed.
// Refusals: CertificateNotFound, CertificateBeingDeleted, CertificateStateActive.
func (s *Service) CancelDeletion(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	panic("unfinished")
}
