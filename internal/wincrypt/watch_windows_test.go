package wincrypt

import (
	"crypto/rand"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/testcert"
)

// Who looks is told of what others change, and not of the own look: that would have
// it look again, for ever.
func TestNotice(t *testing.T) {
	calls, err := System()
	if err != nil {
		t.Fatal(err)
	}
	name := "poolcert-test-" + rand.Text()
	cert := Certificate{DER: testcert.RSA(t, testcert.Name(rand.Text())).Cert.Raw, Name: "one"}
	visit := func(how Opening, do func(Store) error) {
		t.Helper()
		s, err := calls.OpenStore(LocalMachine, name, how)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(s); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	visit(ToMake, func(Store) error { return nil })
	changed := cert
	changed.Name = "two"
	for _, step := range []struct {
		name string
		how  Opening
		do   func(Store) error
		want bool
	}{
		{"a certificate comes", ToMake, func(s Store) error { return s.Add(cert, false) }, true},
		{"a look", ToRead, func(s Store) error { _, err := s.Certificates(); return err }, false},
		{"a look of who may change", ToChange, func(s Store) error { _, err := s.Find(cert.Thumbprint()); return err }, false},
		{"of who could make the store", ToMake, func(s Store) error { _, err := s.Find(cert.Thumbprint()); return err }, false},
		{"a property changes", ToChange, func(s Store) error { return s.Add(changed, true) }, true},
		{"a certificate goes", ToChange, func(s Store) error { return s.Delete(cert.Thumbprint()) }, true},
		{"it does not go twice", ToChange, func(s Store) error { return s.Delete(cert.Thumbprint()) }, false},
	} {
		n, err := newNotice()
		if err != nil {
			t.Fatal(err)
		}
		visit(step.how, step.do)
		event, err := windows.WaitForSingleObject(n.change, 0)
		if err != nil || event != windows.WAIT_OBJECT_0 && event != uint32(windows.WAIT_TIMEOUT) {
			t.Fatalf("%s: %#x, %v", step.name, event, err)
		}
		if got := event == windows.WAIT_OBJECT_0; got != step.want {
			t.Errorf("%s: told %v, want %v", step.name, got, step.want)
		}
		n.close()
	}
}

func TestWatch(t *testing.T) {
	calls, err := System()
	if err != nil {
		t.Fatal(err)
	}
	changed := make(chan struct{}, 1)
	for range 3 {
		end, err := calls.Watch(changed)
		if err != nil {
			t.Fatal(err)
		}
		s, err := calls.OpenStore(LocalMachine, "poolcert-test-"+rand.Text(), ToMake)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatal("a store was made, and nobody was told")
		}
		end()
	}
	end, err := calls.Watch(changed)
	if err != nil {
		t.Fatal(err)
	}
	end()
	select {
	case <-changed:
		t.Error("the end of a watch is no change")
	default:
	}
}
