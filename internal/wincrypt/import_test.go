package wincrypt_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
)

func bundle(p *testcert.Pair) *pfx.Bundle {
	return &pfx.Bundle{Leaf: p.Cert, Key: p.Key, Chain: p.Chain()}
}

func request(p *testcert.Pair, at wincrypt.Location) wincrypt.ImportRequest {
	return wincrypt.ImportRequest{Bundle: bundle(p), At: at, Name: "ours", Access: wincrypt.Access{Account: wincrypttest.Account}.SDDL()}
}

// recorder notes the flags of imports.
type recorder struct {
	*wincrypttest.Windows
	calls []string
}

func (r *recorder) ImportPFX(to wincrypt.Container, data []byte, password string, flags uint32) (wincrypt.Container, error) {
	r.calls = append(r.calls, fmt.Sprintf("pfx %#x", flags))
	return r.Windows.ImportPFX(to, data, password, flags)
}

func (r *recorder) ImportBlob(to wincrypt.Container, blob []byte, flags uint32) error {
	r.calls = append(r.calls, fmt.Sprintf("blob %#x machine %v", flags, to.Machine))
	return r.Windows.ImportBlob(to, blob, flags)
}

func TestImportFlags(t *testing.T) {
	rsaPair := testcert.RSA(t, testcert.IssuedBy(testcert.CA(t)))
	for _, test := range []struct {
		at         wincrypt.Location
		exportable bool
		noCNG      bool
		want       []string
	}{
		// CRYPT_EXPORTABLE 1, MACHINE_KEYSET 0x20, ALWAYS_CNG_KSP 0x200, USER_KEYSET 0x1000,
		// ALLOW_OVERWRITE_KEY 0x4000.
		{wincrypt.LocalMachine, false, false, []string{"pfx 0x4220"}},
		{wincrypt.LocalMachine, true, false, []string{"pfx 0x4221"}},
		{wincrypt.CurrentUser, false, false, []string{"pfx 0x5200"}},
		{wincrypt.CurrentUser, true, true, []string{"pfx 0x5201", "blob 0x1 machine false"}},
		{wincrypt.LocalMachine, false, true, []string{"pfx 0x4220", "blob 0x0 machine true"}},
	} {
		r := &recorder{Windows: wincrypttest.New()}
		r.NoCNG = test.noCNG
		q := request(rsaPair, test.at)
		q.Exportable = test.exportable
		at, err := wincrypt.Import(t.Context(), r, q)
		if err != nil || !slices.Equal(r.calls, test.want) {
			t.Errorf("%+v: %v, %v", test, r.calls, err)
		}
		if at.IsCSP() != test.noCNG || at.Machine != (test.at == wincrypt.LocalMachine) {
			t.Errorf("%+v: the key is at %+v", test, at)
		}
		if exportable, ok := r.Keys()[at]; !ok || exportable != test.exportable || len(r.Keys()) != 1 {
			t.Errorf("%+v: keys %v", test, r.Keys())
		}
		if r.OpenHandles() != 0 {
			t.Errorf("%+v: %d handles are open", test, r.OpenHandles())
		}
	}
}

// After a failure no key is left, and an old provider is asked only where it may help.
func TestImportFailures(t *testing.T) {
	denied := &wincrypt.Error{Call: "test", Code: 5}
	broken := &wincrypt.Error{Call: "test", Code: 0x80090020}
	for _, test := range []struct {
		name string
		pair *testcert.Pair
		fail map[string]error
		want error
		csp  bool
	}{
		{"denied", testcert.RSA(t), map[string]error{"ImportPFX": denied}, wincrypt.ErrAccess, false},
		{"elliptic", testcert.ECDSA(t), map[string]error{"ImportPFX": broken}, broken, false},
		{"both", testcert.RSA(t), map[string]error{"ImportPFX": broken, "ImportBlob": denied}, denied, true},
		{"access", testcert.RSA(t), map[string]error{"SetAccess": denied}, wincrypt.ErrAccess, false},
		{"no use", testcert.RSA(t), map[string]error{"Decrypt": broken}, broken, true},
	} {
		r := &recorder{Windows: wincrypttest.New()}
		r.Fail = func(call string) error { return test.fail[call] }
		_, err := wincrypt.Import(t.Context(), r, request(test.pair, wincrypt.LocalMachine))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if csp := slices.ContainsFunc(r.calls, func(call string) bool { return strings.HasPrefix(call, "blob") }); csp != test.csp {
			t.Errorf("%s: calls %v", test.name, r.calls)
		}
		if len(r.Keys()) != 0 || r.OpenHandles() != 0 {
			t.Errorf("%s: %d keys and %d handles are left", test.name, len(r.Keys()), r.OpenHandles())
		}
	}
	_, signing, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	odd := request(testcert.RSA(t), wincrypt.LocalMachine)
	odd.Bundle = &pfx.Bundle{Leaf: odd.Bundle.Leaf, Key: signing}
	if _, err := wincrypt.Import(t.Context(), wincrypttest.New(), odd); !errors.Is(err, wincrypt.ErrUnsupported) {
		t.Errorf("Ed25519: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &recorder{Windows: wincrypttest.New()}
	if _, err := wincrypt.Import(ctx, r, request(testcert.RSA(t), wincrypt.LocalMachine)); !errors.Is(err, context.Canceled) || len(r.calls) > 0 {
		t.Errorf("when it is over: %v, calls %v", err, r.calls)
	}
}

// A key that CNG keeps but cannot use goes to an old provider.
func TestImportTriesTheKey(t *testing.T) {
	r := &recorder{Windows: wincrypttest.New()}
	decrypts := 0
	r.Fail = func(call string) error {
		if call == "Decrypt" {
			if decrypts++; decrypts == 1 {
				return &wincrypt.Error{Call: "NCryptDecrypt", Code: 0x80090029}
			}
		}
		return nil
	}
	at, err := wincrypt.Import(t.Context(), r, request(testcert.RSA(t), wincrypt.LocalMachine))
	if err != nil || !at.IsCSP() || len(r.Keys()) != 1 {
		t.Errorf("%+v, %v; keys %v", at, err, r.Keys())
	}
}

// A key has the same name each time, so that what a crash has left is overwritten; the
// name tells nobody who has not the key what it will be.
func TestImportNames(t *testing.T) {
	for _, noCNG := range []bool{false, true} {
		w := wincrypttest.New()
		w.NoCNG = noCNG
		names := make(map[string]bool)
		for _, q := range []wincrypt.ImportRequest{
			request(testcert.RSA(t), wincrypt.LocalMachine),
			request(testcert.RSA(t, testcert.Key("rsa2048b")), wincrypt.LocalMachine),
		} {
			for range 2 {
				at, err := wincrypt.Import(t.Context(), w, q)
				if err != nil || !strings.HasPrefix(at.Name, q.Name+"-") || len(at.Name) != len(q.Name)+25 {
					t.Fatalf("%+v, %v", at, err)
				}
				names[at.Name] = true
			}
		}
		if len(names) != 2 || len(w.Keys()) != 2 {
			t.Errorf("CSP %v: names %v, %d keys", noCNG, names, len(w.Keys()))
		}
	}
}

// Somebody else has made keys with the name of one that was there, so that it cannot
// come again: it does, with another name.
func TestImportNameTaken(t *testing.T) {
	for _, noCNG := range []bool{false, true} {
		w := wincrypttest.New()
		w.NoCNG = noCNG
		q := request(testcert.RSA(t), wincrypt.LocalMachine)
		first, err := wincrypt.Import(t.Context(), w, q)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteKey(first); err != nil {
			t.Fatal(err)
		}
		w.PlantKey(first)
		w.PlantKey(wincrypt.Container{Name: q.Name, Provider: first.Provider, Type: first.Type, Machine: true, Spec: first.Spec})
		at, err := wincrypt.Import(t.Context(), w, q)
		if err != nil || at == first || at.IsCSP() != noCNG {
			t.Errorf("CSP %v: %+v, %v", noCNG, at, err)
			continue
		}
		if err := wincrypt.Try(w, at, q.Bundle); err != nil || len(w.Keys()) != 3 {
			t.Errorf("CSP %v: %v, %d keys", noCNG, err, len(w.Keys()))
		}
	}
}

func TestTryFindsAnotherKey(t *testing.T) {
	for _, pairs := range [][2]*testcert.Pair{
		{testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa2048b"))},
		{testcert.ECDSA(t), testcert.ECDSA(t, testcert.Key("p384"))},
	} {
		w := wincrypttest.New()
		at, err := wincrypt.Import(t.Context(), w, request(pairs[0], wincrypt.CurrentUser))
		if err != nil {
			t.Fatal(err)
		}
		if err := wincrypt.Try(w, at, bundle(pairs[0])); err != nil {
			t.Error(err)
		}
		if err := wincrypt.Try(w, at, bundle(pairs[1])); err == nil {
			t.Errorf("another key is taken for that of %v", pairs[1].Cert.Subject)
		}
	}
}

func TestErrors(t *testing.T) {
	for code, want := range map[uint32]error{
		5: wincrypt.ErrAccess, 0x80070005: wincrypt.ErrAccess, 0x80092004: wincrypt.ErrNotFound, 0x80070002: wincrypt.ErrNotFound,
		0x80090016: wincrypt.ErrNotFound, 0x80092005: wincrypt.ErrExists, 0x80090029: wincrypt.ErrUnsupported, 0x80090022: wincrypt.ErrAsks,
		0x80090005: wincrypt.ErrData, 0x80070056: wincrypt.ErrData,
	} {
		if err := (&wincrypt.Error{Call: "X", Code: code}); !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if got := (&wincrypt.Error{Call: "NCryptOpenKey", Code: 0x80090016}).Error(); got != "NCryptOpenKey: not there (0x80090016)" {
		t.Error(got)
	}
	if got := (&wincrypt.Error{Call: "X", Code: 1450}).Error(); got != "X: error 1450 of Windows" {
		t.Error(got)
	}
}

func TestStoreName(t *testing.T) {
	for name, want := range map[string]string{
		"my": "My", "ROOT": "Root", "ca": "CA", "addressbook": "AddressBook", "Web Hosting": "Web Hosting", "a.b-c_9": "a.b-c_9",
		"": "", `\\other\My`: "", `service\My`: "", " x": "", "x ": "", "..": "", "a/b": "", "ä": "", "x\x00": "",
	} {
		got, err := wincrypt.StoreName(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
