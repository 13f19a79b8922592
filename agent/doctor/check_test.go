package doctor

import (
	"path/filepath"
	"testing"

	"poolcert/agent"
)

func TestCheckAuditFile(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]Result{
		filepath.Join(dir, "audit.log"):            OK,
		filepath.Join(dir, "missing", "audit.log"): Wrong,
		dir: Wrong,
	} {
		c := agent.DefaultConfig()
		c.Audit.File = path
		var f findings
		f.audit(c)
		if len(f) != 1 || f[0].Check != "audit.file" || f[0].Result != want {
			t.Errorf("%s: got %+v, want %s", path, f, want)
		}
	}
}
