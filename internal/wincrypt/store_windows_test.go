package wincrypt_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"poolcert/internal/testcert"
	"poolcert/internal/wincrypt"
)

func TestReplaceTakesPropertiesAway(t *testing.T) {
	c, err := wincrypt.System()
	if err != nil {
		t.Fatal(err)
	}
	pair := testcert.RSA(t, testcert.Name(rand.Text()))
	name := "poolcert-test-" + rand.Text()
	all := wincrypt.Certificate{
		DER: pair.Cert.Raw, Name: "günstig", Renewal: bytes.Repeat([]byte{7}, 20), Mark: []byte("mark"),
		Key: wincrypt.Container{Name: "none", Provider: "Microsoft Software Key Storage Provider", Machine: true},
	}
	steps := []wincrypt.Certificate{all, {DER: pair.Cert.Raw, Mark: []byte("other")}, {DER: pair.Cert.Raw}, all}
	for i, want := range steps {
		s, err := c.OpenStore(wincrypt.LocalMachine, name, wincrypt.ToMake)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(want, i > 0); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, err = c.OpenStore(wincrypt.LocalMachine, name, wincrypt.ToChange)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Find(want.Thumbprint())
		if err != nil || !bytes.Equal(got.DER, want.DER) || got.Name != want.Name || got.Key != want.Key || !bytes.Equal(got.Renewal, want.Renewal) || !bytes.Equal(got.Mark, want.Mark) {
			got.DER, want.DER = nil, nil
			t.Errorf("step %d: %v: got %+v, want %+v", i, err, got, want)
		}
		if i == len(steps)-1 {
			if err := s.Delete(want.Thumbprint()); err != nil {
				t.Error(err)
			}
			if list, err := s.Certificates(); err != nil || len(list) > 0 {
				t.Errorf("after it was deleted: %v, %v", list, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
