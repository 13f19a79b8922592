package account

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"poolcert/batch"
	"poolcert/internal/pfx"
)

// A certificateFile is an added file that passed all checks.
type certificateFile struct {
	leaf   *x509.Certificate
	format batch.CertificateFormat
	data   []byte // the PFX as it came, but without PEM armour, or DER
}

// decodeFile checks the file of add against what add says of it.
func (s *Service) decodeFile(ctx context.Context, add *batch.AddCertificate) (*certificateFile, error) {
	data, err := fileData(add)
	if err != nil {
		return nil, err
	}
	switch add.Format {
	case batch.FormatCER:
		return decodeCER(data, add)
	case batch.FormatPFX, "":
		return s.decodePFX(ctx, data, add)
	}
	return nil, invalid("certificateFormat", string(add.Format), "The format is pfx or cer.")
}

// fileData checks what is to be known without the file's format.
func fileData(add *batch.AddCertificate) ([]byte, error) {
	switch {
	case add.ThumbprintAlgorithm == "":
		return nil, missing("thumbprintAlgorithm")
	case !strings.EqualFold(add.ThumbprintAlgorithm, batch.SHA1):
		return nil, invalid("thumbprintAlgorithm", add.ThumbprintAlgorithm, "The only algorithm is sha1.")
	case add.Data == "":
		return nil, missing("data")
	case len(add.Data) > batch.MaxCertificateData:
		return nil, invalid("data", "", fmt.Sprintf("The data has %d characters; the limit is %d.", len(add.Data), batch.MaxCertificateData))
	}
	data, err := base64.StdEncoding.DecodeString(add.Data)
	if err != nil {
		return nil, invalid("data", "", "The data is not base64 text.")
	}
	return data, nil
}

func decodeCER(data []byte, add *batch.AddCertificate) (*certificateFile, error) {
	if add.Password != "" {
		return nil, invalid("password", "", "A certificate in the format cer has no password.")
	}
	leaf, err := pfx.DecodeCER(data)
	if err != nil {
		return nil, invalid("data", "", fmt.Sprintf("The data is not a valid certificate in the format cer: %v.", err))
	}
	if got := batch.ThumbprintOf(leaf); got != add.Thumbprint {
		return nil, invalid("thumbprint", add.Thumbprint.String(), fmt.Sprintf("The certificate in the data has the thumbprint %v.", got))
	}
	return &certificateFile{leaf: leaf, format: batch.FormatCER, data: leaf.Raw}, nil
}

func (s *Service) decodePFX(ctx context.Context, data []byte, add *batch.AddCertificate) (*certificateFile, error) {
	if add.Thumbprint.IsZero() { // for pfx.Decode that is any certificate
		return nil, invalid("thumbprint", add.Thumbprint.String(), "No certificate has the thumbprint zero.")
	}
	select {
	case s.decoding <- struct{}{}:
		defer func() { <-s.decoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	bundle, err := pfx.Decode(ctx, data, string(add.Password), pfx.Options{
		Thumbprint: add.Thumbprint,
		Limits:     pfx.Limits{Size: batch.MaxCertificateData},
	})
	if err == nil {
		return &certificateFile{leaf: bundle.Leaf, format: batch.FormatPFX, data: withoutArmour(data)}, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("decode PFX: %w", err)
	}
	if errors.Is(err, pfx.ErrPassword) {
		return nil, invalid("password", "", "The password does not open the PFX.")
	}
	if _, ok := errors.AsType[*pfx.ThumbprintError](err); ok {
		return nil, invalid("thumbprint", add.Thumbprint.String(), fmt.Sprintf("The PFX has %v.", err))
	}
	return nil, invalid("data", "", fmt.Sprintf("The data is not a valid certificate in the format pfx: %v.", err))
}

// withoutArmour returns the PFX inside of PEM or base64 text, which pfx.Decode has
// read: the programs of tasks that read it on a node seldom know armour.
func withoutArmour(data []byte) []byte {
	if block, _ := pem.Decode(data); block != nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----")) {
		return block.Bytes
	}
	if text, err := base64.StdEncoding.AppendDecode(nil, bytes.Join(bytes.Fields(data), nil)); err == nil {
		return text
	}
	return data
}
