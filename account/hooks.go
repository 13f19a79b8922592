package account

import (
	"encoding/json"
	"strings"

	"poolcert/batch"
)

// hookText returns what a node told of its hooks as it is stored: with texts that
// are not longer than those of certificates.
func hookText(hooks []batch.NodeHook) (string, error) {
	if len(hooks) == 0 {
		return "", nil
	}
	tidy := func(s string, limit int) string {
		// PostgreSQL stores no zero bytes, not even escaped ones in JSON.
		return strings.ReplaceAll(strings.ToValidUTF8(clip(s, limit), "?"), "\x00", "?")
	}
	kept := make([]batch.NodeHook, len(hooks))
	for i, h := range hooks {
		h.Name, h.State = tidy(h.Name, maxAgentString), tidy(h.State, maxAgentString)
		h.Error, h.Output = tidy(h.Error, maxReportText), tidy(h.Output, maxReportText)
		if h.Time != nil {
			t := batch.TimeOf(plausible(h.Time.Time))
			h.Time = &t
		}
		kept[i] = h
	}
	data, err := json.Marshal(kept)
	return string(data), err
}

// hooksOf reads what hookText returned.
func hooksOf(text string) []batch.NodeHook {
	var hooks []batch.NodeHook
	if text == "" || json.Unmarshal([]byte(text), &hooks) != nil {
		return nil // it is ours; whatever else is there is nothing to tell
	}
	return hooks
}
