//go:build unix

package member

import (
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
)

func TestExchangedTokenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	text := agenttest.NewService(t).Token(1).Encode()
	wait := agenttest.Exchange(t, path, text, text)
	if _, err := loadToken(path); err == nil || !strings.Contains(err.Error(), "others can change it") {
		t.Errorf("error %v", err)
	}
	wait()
	if _, err := loadToken(path); err != nil {
		t.Errorf("the file after it: %v", err)
	}
}
