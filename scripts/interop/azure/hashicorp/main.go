// Hashicorp runs the Go client of Azure Batch of hashicorp/go-azure-sdk against the
// account service:
//
//	hashicorp SETUP    SETUP is the JSON file that scripts/interop/azure/run writes
//
// It prints a line for each check that fails, and "N passed, N failed" in the end.
// The client writes its requests as no other does: its own id is a parameter, and
// requests without a body have a Content-Type.
package main

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"azure.test/sharedkey"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/certificates"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/computenodes"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/pools"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/client/dataplane"
)

const password = "correct horse"

// A suite is a run of checks on one account. The fields with names are the setup.
type suite struct {
	URL     string
	Account string
	Key     []byte
	Files   string // folder with certificates
	Seeded  int    // other certificates in the account
	Pool    string // with one node

	ctx            context.Context
	certificates   *certificates.CertificatesClient
	pools          *pools.PoolsClient
	nodes          *computenodes.ComputeNodesClient
	passed, failed int
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hashicorp:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: hashicorp SETUP")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var t suite
	if err := json.Unmarshal(data, &t); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := t.connect(func(r *http.Request) { sharedkey.Sign(r, t.Account, t.Key) }); err != nil {
		return err
	}
	log.SetOutput(io.Discard) // the client's, which tells of each request
	var cancel context.CancelFunc
	t.ctx, cancel = context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	t.checkCertificates()
	t.checkPools()
	t.checkNodes()
	t.checkRefusals()
	t.checkDeletion()
	fmt.Printf("%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 {
		return errors.New("some checks failed")
	}
	return nil
}

// connect makes clients whose requests are signed so.
func (t *suite) connect(sign func(*http.Request)) (err error) {
	if t.certificates, err = certificates.NewCertificatesClientWithBaseURI(t.URL); err != nil {
		return err
	}
	if t.pools, err = pools.NewPoolsClientWithBaseURI(t.URL); err != nil {
		return err
	}
	if t.nodes, err = computenodes.NewComputeNodesClientWithBaseURI(t.URL); err != nil {
		return err
	}
	for _, c := range []*dataplane.Client{t.certificates.Client, t.pools.Client, t.nodes.Client} {
		c.AuthorizeRequest = func(_ context.Context, r *http.Request, _ auth.Authorizer) error {
			sign(r)
			return nil
		}
	}
	return nil
}

func (t *suite) check(what string, run func() error) {
	if err := run(); err != nil {
		t.failed++
		fmt.Printf("FAIL: %s: %v\n", what, err)
		return
	}
	t.passed++
}

// refused checks what the client tells of a refusal: a text with status and code.
func (t *suite) refused(status int, code, what string, err error) {
	t.check(fmt.Sprintf("%s is %d %s", what, status, code), func() error {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("unexpected status %d ", status)) || !strings.Contains(err.Error(), code) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
}

func want(what string, got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// answered checks the status and the client's id of an answer.
func answered(r *http.Response, status int, id string) error {
	if r == nil {
		return errors.New("there is no answer")
	}
	return first(want("status", r.StatusCode, status), want("client-request-id", r.Header.Get("client-request-id"), id))
}

func (t *suite) data(file string) []byte {
	data, err := os.ReadFile(filepath.Join(t.Files, file))
	if err != nil {
		panic(err) // run made it
	}
	return data
}

func (t *suite) thumbprint(name string) string {
	sum := sha1.Sum(t.data(name + ".cer"))
	return hex.EncodeToString(sum[:])
}

func (t *suite) id(thumbprint string) certificates.ThumbprintId {
	return certificates.NewThumbprintID(t.URL, "sha1", thumbprint)
}

// certificate is what adds a file: a PFX, or CER by its name.
func (t *suite) certificate(thumbprint, file, password string) certificates.CertificateAddParameter {
	p := certificates.CertificateAddParameter{
		Thumbprint: thumbprint, ThumbprintAlgorithm: "sha1", Data: base64.StdEncoding.EncodeToString(t.data(file)),
		CertificateFormat: new(certificates.CertificateFormatPfx),
	}
	if strings.HasSuffix(file, ".cer") {
		p.CertificateFormat = new(certificates.CertificateFormatCer)
	}
	if password != "" {
		p.Password = &password
	}
	return p
}

func (t *suite) add(p certificates.CertificateAddParameter) error {
	_, err := t.certificates.CertificateAdd(t.ctx, p, certificates.CertificateAddOperationOptions{})
	return err
}
