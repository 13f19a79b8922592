package local_test

import (
	"os"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

func TestWhoami(t *testing.T) {
	s := serve(t, nil)
	got, err := s.client.Whoami(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got.UnixUser != nil || got.WindowsUser == nil || !sddl.IsSID(string(got.SID)) || len(got.GroupSIDs) == 0 ||
		got.PID != int32(os.Getpid()) || !strings.EqualFold(got.Executable, own) || got.ProcessError != "" {
		t.Errorf("got %+v of %+v", got, got.WindowsUser)
	}
}
