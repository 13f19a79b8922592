package directory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/internal/securefile"
	"poolcert/internal/testcert"
	"poolcert/internal/winfile"
)

// A folder of certificates works on Windows, with access lists in place of modes.
func TestDirectoryWantsPrivateFiles(t *testing.T) {
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "certs.d")
	if err := winfile.Mkdir(path, winfile.Private(own)); err != nil {
		t.Fatal(err)
	}
	pair := testcert.RSA(t, testcert.Name("a"))
	write := func(name, content string, perm os.FileMode) {
		t.Helper()
		if err := securefile.WriteFile(filepath.Join(path, name), []byte(content), perm); err != nil {
			t.Fatal(err)
		}
	}
	write("a.pfx", string(pair.PFX("pw")), 0o600)
	write("a.password", "pw\r\n", 0o600)
	write(referencesFile, "[[certificate]]\nfile = \"a.pfx\"\npassword_file = \"a.password\"\n", 0o600)
	references, err := New(path).References(t.Context(), "", 0)
	if err != nil || len(references.References) != 1 || references.References[0].Thumbprint != pair.Thumbprint() {
		t.Fatalf("got %+v, error %v", references, err)
	}
	agenttest.LetOthersWrite(t, filepath.Join(path, "a.password"))
	if _, err := New(path).References(t.Context(), "", 0); err == nil || !strings.Contains(err.Error(), "a.password: its access list lets others in") {
		t.Errorf("a password that others can change: %v", err)
	}
}
