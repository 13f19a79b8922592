package main

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/go-autorest/autorest"
	"github.com/Azure/go-autorest/autorest/date"
	"github.com/gofrs/uuid"
	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

const password = "correct horse"

var absent = strings.Repeat("0", 40)

// A suite is a run of checks on one account.
type suite struct {
	setup
	clients
	ctx            context.Context
	passed, failed int

	one, two, three, four string // thumbprints

	// The client sends it, but never asks for it back: its return-client-request-id
	// is the address of a bool.
	id uuid.UUID
}

func check(ctx context.Context, s setup) error {
	t := &suite{setup: s, clients: newClients(s), ctx: ctx, id: uuid.Must(uuid.NewV4())}
	for name, thumbprint := range map[string]*string{"one": &t.one, "two": &t.two, "three": &t.three, "four": &t.four} {
		sum := sha1.Sum(t.file(name + ".cer"))
		*thumbprint = hex.EncodeToString(sum[:])
	}
	t.checkCertificates()
	t.checkPools()
	t.checkNodes()
	t.checkDeletion()
	t.checkRefusals()
	t.checkEnd()
	fmt.Printf("%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 {
		return errors.New("some checks failed")
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

// refused checks what the client tells of a refusal: the status, and the body in
// the text of its error, since it can't decode it.
func (t *suite) refused(status int, code, what string, err error) {
	t.check(fmt.Sprintf("%s is %d %s", what, status, code), func() error {
		var detailed autorest.DetailedError
		if err == nil || !errors.As(err, &detailed) {
			return fmt.Errorf("got %v", err)
		}
		return all(
			want("status", detailed.StatusCode, any(status)),
			wantTrue(strings.Contains(err.Error(), `\"code\":\"`+code+`\"`), "code in %v", err),
		)
	})
}

func (t *suite) file(name string) []byte {
	data, err := os.ReadFile(filepath.Join(t.Files, name))
	if err != nil {
		panic(err) // run made it
	}
	return data
}

// certificate is what adds a file: a PFX, or CER by its name.
func (t *suite) certificate(thumbprint, name, password string) batch.CertificateAddParameter {
	p := batch.CertificateAddParameter{
		Thumbprint:          &thumbprint,
		ThumbprintAlgorithm: new("sha1"),
		Data:                new(base64.StdEncoding.EncodeToString(t.file(name))),
		CertificateFormat:   batch.CertificateFormatPfx,
	}
	if strings.HasSuffix(name, ".cer") {
		p.CertificateFormat = batch.CertificateFormatCer
	}
	if password != "" {
		p.Password = &password
	}
	return p
}

func (t *suite) add(p batch.CertificateAddParameter) (autorest.Response, error) {
	return t.certificates.Add(t.ctx, p, nil, nil, nil, nil)
}

func (t *suite) get(thumbprint string) (batch.Certificate, error) {
	return t.certificates.Get(t.ctx, "sha1", thumbprint, "", nil, nil, nil, nil)
}

func (t *suite) remove(thumbprint string) (autorest.Response, error) {
	return t.certificates.Delete(t.ctx, "sha1", thumbprint, nil, nil, nil, nil)
}

func (t *suite) cancel(thumbprint string) (autorest.Response, error) {
	return t.certificates.CancelDeletion(t.ctx, "sha1", thumbprint, nil, nil, nil, nil)
}

func reference(thumbprint string, visibility ...batch.CertificateVisibility) batch.CertificateReference {
	r := batch.CertificateReference{Thumbprint: &thumbprint, ThumbprintAlgorithm: new("sha1")}
	if visibility != nil {
		r.Visibility = &visibility
	}
	return r
}

func now() *date.TimeRFC1123 { return &date.TimeRFC1123{Time: time.Now().UTC()} }

func at(t time.Time) *date.TimeRFC1123 { return &date.TimeRFC1123{Time: t.UTC()} }

func later() string { return time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339) }

var requestID = regexp.MustCompile(`^[0-9a-f-]{36}$`)

// answered checks the status and the headers of an answer.
func answered(r *http.Response, status int, headers ...string) error {
	if r == nil {
		return errors.New("there is no answer")
	}
	err := all(
		want("status", r.StatusCode, any(status)),
		want("DataServiceVersion", r.Header.Get("DataServiceVersion"), "3.0"),
		wantTrue(requestID.MatchString(r.Header.Get("request-id")), "request-id"),
	)
	for i := 0; i < len(headers); i += 2 {
		err = all(err, want(headers[i], r.Header.Get(headers[i]), any(headers[i+1])))
	}
	return err
}

func want(what string, got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

func wantTrue(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("not as expected: "+format, args...)
}

// all returns the first error.
func all(errs ...error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// eventually repeats a look until it is satisfied.
func (t *suite) eventually(what string, look func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if ok, err := look(); err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no sign of: %s", what)
		}
		<-tick.C
	}
}
