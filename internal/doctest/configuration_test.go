package doctest

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"poolcert/agent"
)

// TestAgentConfigurations reads what documents show of agent.toml.
func TestAgentConfigurations(t *testing.T) {
	read := 0
	for _, f := range readDocument(t, "docs/agent.md").fences {
		text := strings.Join(f.lines, "\n")
		if f.kind != "toml" || strings.Contains(text, "[[certificate]]") {
			continue
		}
		read++
		if _, err := agent.ParseConfig(text); err != nil {
			t.Errorf("docs/agent.md:%d: %v", f.line, err)
		}
	}
	if read < 8 {
		t.Errorf("read %d configurations only", read)
	}
}

// TestAgentDefaults wants those that docs/agent.md lists to be what holds without a file.
func TestAgentDefaults(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the document has the defaults of Linux")
	}
	fences := readDocument(t, "docs/agent.md").fences
	listed, err := agent.ParseConfig(strings.Join(fences[len(fences)-1].lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	leaves := func(c *agent.Config) map[string]string {
		var b bytes.Buffer
		if err := toml.NewEncoder(&b).Encode(c); err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if _, err := toml.Decode(b.String(), &tree); err != nil {
			t.Fatal(err)
		}
		all := make(map[string]string)
		var walk func(path string, v any)
		walk = func(path string, v any) {
			if table, ok := v.(map[string]any); ok {
				for k, v := range table {
					walk(path+"."+k, v)
				}
			} else {
				all[strings.TrimPrefix(path, ".")] = fmt.Sprint(v)
			}
		}
		walk("", tree)
		return all
	}
	got, want := leaves(listed), leaves(agent.DefaultConfig())
	if len(want) < 20 {
		t.Fatalf("only the defaults %v", want)
	}
	for key, value := range want {
		if value != "" && value != "[]" && got[key] != value {
			t.Errorf("docs/agent.md has %s = %q, the default is %q", key, got[key], value)
		}
	}
}
