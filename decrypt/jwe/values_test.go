package jwe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"poolcert/decrypt/cms"
)

// A message of many small values must not cost many times its size.
func TestManyValuesCostLittle(t *testing.T) {
	const n = 300_000
	var members strings.Builder
	for i := range n {
		fmt.Fprintf(&members, `"%x":0,`, i)
	}
	header := `"protected":"` + encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + `",`
	parse := func(text []byte) error { _, err := Parse(text); return err }
	wrapped := func(text []byte) error { _, err := ParseWrappedKey(text); return err }
	for name, test := range map[string]struct {
		parse func([]byte) error
		text  string
	}{
		"recipients":            {parse, `{` + header + `"recipients":[` + strings.Repeat(`{},`, n) + `{}]}`},
		"members":               {parse, `{` + header + members.String() + `"x":0}`},
		"recipients and header": {parse, `{` + header + `"recipients":[{}],"header":{` + members.String() + `"x":0}}`},
		"behind a quote":        {parse, `{` + header + `"x":"\\\"","recipients":[` + strings.Repeat(`{},`, n) + `{}]}`},
		"wrapped key":           {wrapped, `{"enc":"A256GCM","recipients":[` + strings.Repeat(`{},`, n) + `{}]}`},
	} {
		text := []byte(test.text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := test.parse(text)
		runtime.ReadMemStats(&after)
		var limit *cms.LimitError
		if !errors.As(err, &limit) {
			t.Errorf("%s: %v, want a LimitError", name, err)
		}
		if cost := after.TotalAlloc - before.TotalAlloc; cost > uint64(len(text)) {
			t.Errorf("%s: %d bytes were allocated for %d", name, cost, len(text))
		}
	}
}

// Strings may hold what stands between values.
func TestCommasInStrings(t *testing.T) {
	text := `{"protected":"` + encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + `","x":"\"` + strings.Repeat(",[{", maxValues) + `\\",` +
		`"encrypted_key":"AAAA","iv":"AAAA","ciphertext":"AAAA","tag":"AAAA"}`
	if _, err := Parse([]byte(text)); err != nil {
		t.Error(err)
	}
}
