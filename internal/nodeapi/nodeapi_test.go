package nodeapi

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
)

func newTestToken() *Token {
	return NewToken("https://service.example:9443", &x509.Certificate{RawSubjectPublicKeyInfo: []byte("a key")})
}

func TestTokenRoundTrip(t *testing.T) {
	token := newTestToken()
	got, err := ParseToken(" " + token.Encode() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if *got != *token {
		t.Errorf("ParseToken(Encode()) = %v, want %v", got, token)
	}
	if strings.Contains(token.String(), token.Encode()[10:]) {
		t.Error("String shows the secret")
	}
}

func TestParseTokenRefuses(t *testing.T) {
	good := newTestToken().Encode()
	plain := NewToken("http://service.example", &x509.Certificate{}).Encode()
	for name, text := range map[string]string{
		"empty":      "",
		"prefix":     "pct9." + good[5:],
		"cut":        good[:len(good)-1],
		"cut four":   good[:len(good)-4],
		"mistyped":   good[:20] + "_" + good[21:],
		"not https":  plain,
		"long":       "pct1." + strings.Repeat("A", 4096),
		"with space": good[:20] + " " + good[20:],
	} {
		if _, err := ParseToken(text); !errors.Is(err, ErrToken) {
			t.Errorf("%s: got error %v, want ErrToken", name, err)
		}
	}
}

func TestProofCoversEveryField(t *testing.T) {
	token := newTestToken()
	request := func() *EnrollRequest {
		r := &EnrollRequest{CSR: []byte("csr"), SealKey: []byte("seal key"), NodeName: "n1"}
		token.Prove(r, time.Unix(1e9, 0))
		return r
	}
	data, err := json.Marshal(request())
	if err != nil {
		t.Fatal(err)
	}
	var sent EnrollRequest
	if err := json.Unmarshal(data, &sent); err != nil {
		t.Fatal(err)
	}
	if !sent.Proves(token.Hash()) {
		t.Fatal("the proof does not hold after a trip over the wire")
	}
	if sent.Proves(newTestToken().Hash()) {
		t.Error("the proof holds for another token")
	}
	for name, alter := range map[string]func(*EnrollRequest){
		"token id": func(r *EnrollRequest) { r.TokenID = "0" },
		"csr":      func(r *EnrollRequest) { r.CSR = []byte("other") },
		"seal key": func(r *EnrollRequest) { r.SealKey = []byte("other") },
		"name":     func(r *EnrollRequest) { r.NodeName = "n2" },
		"time":     func(r *EnrollRequest) { r.Time = r.Time.Add(time.Second) },
		"proof":    func(r *EnrollRequest) { r.Proof[0] ^= 1 },
		"moved":    func(r *EnrollRequest) { r.CSR, r.SealKey = []byte("csrs"), []byte("eal key") },
	} {
		r := request()
		alter(r)
		if r.Proves(token.Hash()) {
			t.Errorf("%s altered: the proof still holds", name)
		}
	}
}

func TestSealBinds(t *testing.T) {
	key, err := GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateSealKey()
	if err != nil {
		t.Fatal(err)
	}
	b := Binding{Account: "acct", Pool: "p", Node: "n", Thumbprint: batch.Thumbprint{1}}
	c := &Certificate{Format: batch.FormatPFX, Data: []byte("data"), Password: "pw"}
	sealed, err := Seal(key.PublicKey().Bytes(), b, c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(key, b, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != c.Format || !bytes.Equal(got.Data, c.Data) || got.Password != c.Password {
		t.Errorf("Open = %v, want %v", got, c)
	}
	restored, err := ParseSealKey(must(key.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(restored, b, sealed); err != nil {
		t.Errorf("Open with the key read back: %v", err)
	}

	if _, err := Open(other, b, sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("another node's key: got %v, want ErrSealed", err)
	}
	for name, alter := range map[string]func(*Binding){
		"account":    func(b *Binding) { b.Account = "x" },
		"pool":       func(b *Binding) { b.Pool = "x" },
		"node":       func(b *Binding) { b.Node = "x" },
		"thumbprint": func(b *Binding) { b.Thumbprint[0] ^= 1 },
		"moved":      func(b *Binding) { b.Account, b.Pool = "acc", "tp" },
	} {
		wrong := b
		alter(&wrong)
		if _, err := Open(key, wrong, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("other %s: got %v, want ErrSealed", name, err)
		}
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := Open(key, b, sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("altered: got %v, want ErrSealed", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzParseToken(f *testing.F) {
	f.Add(newTestToken().Encode())
	f.Add("pct1.")
	f.Add("pct1.AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ParseToken(text)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Fatalf("got error %v, want ErrToken", err)
			}
			return
		}
		again, err := ParseToken(token.Encode())
		if err != nil || *again != *token {
			t.Fatalf("not a round trip: %v, %v", again, err)
		}
	})
}
