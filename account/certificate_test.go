package account_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/testcert"
)

func TestAddCertificateRefuses(t *testing.T) {
	f := newFixture(t)
	pair := testcert.RSA(t)
	other := testcert.ECDSA(t)
	f.addCertificate("present")
	encode := base64.StdEncoding.EncodeToString
	for name, test := range map[string]struct {
		change   func(*batch.AddCertificate)
		code     batch.ErrorCode
		property string
		reason   string
	}{
		"no thumbprint":  {func(a *batch.AddCertificate) { a.Thumbprint = batch.Thumbprint{} }, batch.CodeInvalidPropertyValue, "thumbprint", "zero"},
		"no algorithm":   {func(a *batch.AddCertificate) { a.ThumbprintAlgorithm = "" }, batch.CodeMissingRequiredProperty, "thumbprintAlgorithm", ""},
		"no data":        {func(a *batch.AddCertificate) { a.Data = "" }, batch.CodeMissingRequiredProperty, "data", ""},
		"sha256":         {func(a *batch.AddCertificate) { a.ThumbprintAlgorithm = "sha256" }, batch.CodeInvalidPropertyValue, "thumbprintAlgorithm", "sha1"},
		"format":         {func(a *batch.AddCertificate) { a.Format = "pem" }, batch.CodeInvalidPropertyValue, "certificateFormat", "pfx or cer"},
		"too long":       {func(a *batch.AddCertificate) { a.Data = strings.Repeat("A", batch.MaxCertificateData+4) }, batch.CodeInvalidPropertyValue, "data", "the limit is 10240"},
		"not base64":     {func(a *batch.AddCertificate) { a.Data = "MII*" }, batch.CodeInvalidPropertyValue, "data", "base64"},
		"not a PFX":      {func(a *batch.AddCertificate) { a.Data = encode([]byte("hello")) }, batch.CodeInvalidPropertyValue, "data", "not a valid certificate"},
		"cer as pfx":     {func(a *batch.AddCertificate) { a.Data = encode(pair.Cert.Raw) }, batch.CodeInvalidPropertyValue, "data", "not a valid certificate"},
		"pfx as cer":     {func(a *batch.AddCertificate) { a.Format, a.Password = "cer", "" }, batch.CodeInvalidPropertyValue, "data", "not a valid certificate"},
		"wrong password": {func(a *batch.AddCertificate) { a.Password = "guess" }, batch.CodeInvalidPropertyValue, "password", "does not open"},
		"no password":    {func(a *batch.AddCertificate) { a.Password = "" }, batch.CodeInvalidPropertyValue, "password", "does not open"},
		"cer password":   {func(a *batch.AddCertificate) { a.Format, a.Data = "cer", encode(pair.Cert.Raw) }, batch.CodeInvalidPropertyValue, "password", "no password"},
		"mismatch":       {func(a *batch.AddCertificate) { a.Thumbprint[0]++ }, batch.CodeInvalidPropertyValue, "thumbprint", batch.ThumbprintOf(pair.Cert).String()},
		"cer mismatch": {func(a *batch.AddCertificate) { a.Format, a.Password, a.Data = "cer", "", encode(other.Cert.Raw) },
			batch.CodeInvalidPropertyValue, "thumbprint", batch.ThumbprintOf(other.Cert).String()},
		"twice": {func(a *batch.AddCertificate) { *a = *addOfName(t, "present") }, batch.CodeCertificateExists, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			add := addOf(pair)
			test.change(add)
			refusal := wantCode(t, f.AddCertificate(t.Context(), f.acct, add), test.code)
			details := make(map[string]string)
			for _, v := range refusal.Values {
				details[v.Key] = v.Value
				if v.Value == string(add.Password) && v.Value != "" || add.Data != "" && strings.Contains(v.Value, add.Data) {
					t.Errorf("%s tells the data or the password", v.Key)
				}
			}
			if details["PropertyName"] != test.property || !strings.Contains(details["Reason"], test.reason) {
				t.Errorf("got %v, want the property %q and the reason %q", details, test.property, test.reason)
			}
		})
	}
	page, more, err := f.Certificates(t.Context(), f.acct, account.CertificateQuery{})
	if len(page) != 1 || more || err != nil {
		t.Errorf("got %d certificates (%v, %v), want 1: a refusal left something", len(page), more, err)
	}
}

func TestAddCertificateAccepts(t *testing.T) {
	f := newFixture(t)
	ca := testcert.CA(t)
	leaf := testcert.RSA(t, testcert.IssuedBy(ca))
	expired := testcert.RSA(t, testcert.Name("old"), testcert.Valid(time.Unix(0, 0), time.Unix(1, 0)))
	cer := func(p *testcert.Pair, data []byte) *batch.AddCertificate {
		return &batch.AddCertificate{Thumbprint: batch.ThumbprintOf(p.Cert), ThumbprintAlgorithm: "SHA1", Format: "cer", Data: base64.StdEncoding.EncodeToString(data)}
	}
	for name, test := range map[string]struct {
		add  *batch.AddCertificate
		cert []byte
	}{
		"chain":   {addOf(leaf), leaf.Cert.Raw},
		"expired": {addOf(expired), expired.Cert.Raw},
		"EC":      {addOf(testcert.ECDSA(t)), testcert.ECDSA(t).Cert.Raw},
		"cer":     {cer(ca, ca.Cert.Raw), ca.Cert.Raw},
		"cer PEM": {cer(testcert.RSA(t), testcert.RSA(t).CertPEM()), testcert.RSA(t).Cert.Raw},
	} {
		t.Run(name, func(t *testing.T) {
			want := bytes.Clone(test.cert)
			if err := f.AddCertificate(t.Context(), f.acct, test.add); err != nil {
				t.Fatal(err)
			}
			c, err := f.Certificate(t.Context(), f.acct, test.add.Thumbprint)
			if err != nil {
				t.Fatal(err)
			}
			if der, err := c.DER(); err != nil || !bytes.Equal(der, want) && name != "EC" {
				t.Errorf("the public data (%v) is not the certificate", err)
			}
			if c.State != batch.StateActive || c.ThumbprintAlgorithm != "sha1" {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestCertificatePages(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		f.addCertificate(name)
	}
	var seen []batch.Thumbprint
	q := account.CertificateQuery{Limit: 2}
	for {
		page, more, err := f.Certificates(t.Context(), f.acct, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			seen = append(seen, c.Thumbprint)
		}
		if !more {
			break
		}
		q.After = &seen[len(seen)-1]
	}
	if len(seen) != 5 {
		t.Errorf("got %d certificates, want 5", len(seen))
	}
	_, _, err := f.Certificates(t.Context(), f.acct, account.CertificateQuery{Filter: &account.Filter{Op: account.EQ, Property: "owner", Value: "me"}})
	wantCode(t, err, batch.CodeInvalidQueryParameterValue)
}

// TestNothingReadableAtRest: the database and its log hold no secret that was
// given to the service or made by it.
func TestNothingReadableAtRest(t *testing.T) {
	f := newFixture(t)
	pair := testcert.RSA(t)
	add := addOf(pair)
	file, err := base64.StdEncoding.DecodeString(add.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.AddCertificate(t.Context(), f.acct, add); err != nil {
		t.Fatal(err)
	}
	f.addPool("pool", add.Thumbprint)
	token, err := f.AddJoinToken(t.Context(), f.acct, "pool", batch.AddJoinToken{TTL: 60})
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"password":       []byte(password),
		"PFX":            file[len(file)/2 : len(file)/2+32],
		"base64 PFX":     []byte(add.Data[100:140]),
		"private key":    pair.RSAKey().D.Bytes()[:32],
		"prime":          pair.RSAKey().Primes[0].Bytes()[:32],
		"primary key":    f.acct.Keys[0][:16],
		"secondary key":  f.acct.Keys[1][:16],
		"base64 primary": []byte(f.acct.Keys[0].Encode()[:32]),
		"join token":     []byte(token.Token[len(token.Token)-60:]),
		"join secret":    decodeToken(t, token.Token),
	}
	files, err := filepath.Glob(filepath.Join(f.dir, "account.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got the files %v (%v), want the database and its log", files, err)
	}
	public := false
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range secrets {
			if bytes.Contains(data, secret) {
				t.Errorf("%s holds the %s", filepath.Base(path), name)
			}
		}
		public = public || bytes.Contains(data, pair.Cert.Raw[100:150])
	}
	if !public {
		t.Error("the files don't hold the public certificate: the test looks at the wrong place")
	}
}

// decodeToken returns bytes of the token's secret.
func decodeToken(t *testing.T, text string) []byte {
	t.Helper()
	_, encoded, _ := strings.Cut(text, ".")
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return data[len(data)-4-32 : len(data)-4-8] // the secret stands before the checksum
}

func TestMasterKey(t *testing.T) {
	f := newFixture(t)
	tp := f.addCertificate("cert")
	path := filepath.Join(f.dir, "master.key")
	if err := account.NewKeyringFile(path); !errors.Is(err, account.ErrMasterKey) {
		t.Errorf("existing file: got %v, want ErrMasterKey", err)
	}
	start := func(path string) error {
		keys, err := account.OpenKeyring(path)
		if err == nil {
			_, err = account.New(t.Context(), account.Config{DB: f.db, Keys: keys, CA: f.ca, NodeURL: "https://x"})
		}
		return err
	}
	own, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(f.dir, "foreign.key")
	if err := account.NewKeyringFile(foreign); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text []byte
		mode os.FileMode
		ok   bool
	}{
		"own":            {own, 0o600, true},
		"own, read-only": {own, 0o400, true},
		"another":        {other, 0o600, false},
		"both":           {append(bytes.Clone(other), own...), 0o600, true},
		"empty":          {nil, 0o600, false},
		"cut":            {own[:len(own)-6], 0o600, false},
		"open to group":  {own, 0o640, false},
	} {
		file := filepath.Join(f.dir, "try.key")
		os.Remove(file)
		if err := os.WriteFile(file, test.text, test.mode); err != nil {
			t.Fatal(err)
		}
		if err := start(file); test.ok != (err == nil) || err != nil && !errors.Is(err, account.ErrMasterKey) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := start(filepath.Join(f.dir, "none")); !errors.Is(err, account.ErrMasterKey) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: got %v, want ErrMasterKey and not exist", err)
	}
	f.reopen()
	f.certificate(tp)
}

func TestAccounts(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	for _, name := range []string{"", "ab", "Upper", "with-dash", "ümlaut", strings.Repeat("a", 25)} {
		if _, _, err := f.CreateAccount(ctx, name); !errors.Is(err, account.ErrAccountName) {
			t.Errorf("%q: got %v, want ErrAccountName", name, err)
		}
	}
	if _, _, err := f.CreateAccount(ctx, "acme"); !errors.Is(err, account.ErrAccountExists) {
		t.Errorf("twice: got %v, want ErrAccountExists", err)
	}
	if _, err := f.Account(ctx, "nobody"); !errors.Is(err, account.ErrNoAccount) {
		t.Errorf("unknown: got %v, want ErrNoAccount", err)
	}
	primary, secondary, err := f.CreateAccount(ctx, "other2")
	if err != nil {
		t.Fatal(err)
	}
	f.reopen()
	a := f.account("other2")
	if !bytes.Equal(a.Keys[0], primary) || !bytes.Equal(a.Keys[1], secondary) || len(primary) != 64 {
		t.Error("the keys are not those that were shown")
	}
	// Accounts are apart.
	tp := f.addCertificate("cert")
	_, err = f.Certificate(ctx, a, tp)
	wantCode(t, err, batch.CodeCertificateNotFound)
	_, err = f.AddPool(ctx, a, &batch.Pool{ID: "p", CertificateReferences: references(tp)})
	wantCode(t, err, batch.CodeInvalidCertificateReferences)
	if names, err := f.Accounts(ctx); err != nil || strings.Join(names, " ") != "acme other2" {
		t.Errorf("got %v, %v", names, err)
	}
}
