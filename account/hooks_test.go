package account

import (
	"strings"
	"testing"
	"time"

	"poolcert/batch"
)

// What a node tells of its hooks is kept, as far as it is sound.
func TestHookText(t *testing.T) {
	seven, far := 7, batch.TimeOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	text, err := hookText([]batch.NodeHook{
		{Name: "ok", State: "ok"},
		{Name: strings.Repeat("n", 1000), State: "x\x00\xff", Time: &far, ExitCode: &seven, Error: strings.Repeat("e", 10_000), Output: "a\nb"},
	})
	if err != nil || strings.Contains(text, `\u0000`) || len(text) > 2000 {
		t.Fatalf("%d bytes, %v: %s", len(text), err, text)
	}
	hooks := hooksOf(text)
	if len(hooks) != 2 || hooks[0].Name != "ok" || *hooks[1].ExitCode != 7 || hooks[1].Output != "a\nb" || len(hooks[1].Name) > maxAgentString+3 {
		t.Errorf("got %+v", hooks)
	}
	if hooks[1].Time.After(time.Now().Add(2 * maxReportSkew)) {
		t.Errorf("time %v", hooks[1].Time)
	}
	if text, err := hookText(nil); text != "" || err != nil || hooksOf("") != nil || hooksOf("{") != nil {
		t.Errorf("none: %q, %v", text, err)
	}
}
