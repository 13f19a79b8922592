package local_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"

	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
)

// Who may use nothing can see why, and what the kernel says.
func TestWhoami(t *testing.T) {
	access := []local.Access{{Visibility: batch.Task, Rule: "it is for others"}}
	s := serve(t, nil, func(c *local.Config) {
		c.Authorize = func(context.Context, localsock.Caller) (local.Grant, error) {
			return nil, &local.RefusedError{Reason: "it is for others"}
		}
		c.Explain = func(c localsock.Caller) []local.Access {
			if c.PID != int32(os.Getpid()) || len(c.Process.Cgroups) == 0 {
				t.Errorf("Explain was asked of %+v", c)
			}
			return access
		}
	})
	if _, err := s.client.Certificates(t.Context()); !errors.Is(err, local.ErrNotAllowed) {
		t.Errorf("error %v, want ErrNotAllowed", err)
	}
	got, err := s.client.Whoami(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got.UID != uint32(os.Getuid()) || got.GID != uint32(os.Getgid()) || got.PID != int32(os.Getpid()) ||
		got.Executable != own || got.Command == "" || len(got.Cgroups) == 0 || got.ProcessError != "" || !reflect.DeepEqual(got.Access, access) {
		t.Errorf("got %+v", got)
	}
	if uses, _ := s.told(); len(uses) > 0 {
		t.Errorf("it counts as a use: %+v", uses)
	}
}
