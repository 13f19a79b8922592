package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"poolcert/account"
)

// show writes a filter with all parentheses.
func show(f *account.Filter) string {
	switch {
	case f == nil:
		return ""
	case f.Left != nil:
		return "(" + show(f.Left) + " " + string(f.Op) + " " + show(f.Right) + ")"
	}
	value := fmt.Sprint(f.Value)
	switch v := f.Value.(type) {
	case string:
		value = fmt.Sprintf("%q", v)
	case time.Time:
		value = v.Format(time.RFC3339Nano)
	}
	return f.Property + " " + string(f.Op) + " " + value
}

var filterTests = []struct {
	source, want string // want: the tree, or "error: " and a part of the reason
}{
	{"", ""},
	{"  ", ""},
	{"state eq 'active'", `state eq "active"`},
	{"state eq 'deleteFailed'", `state eq "deletefailed"`},
	{"state ne 'active' and state ne 'deleting'", `(state ne "active" and state ne "deleting")`},
	{"id eq 'a' or id eq 'b' and state eq 'active'", `(id eq "a" or (id eq "b" and state eq "active"))`},
	{"(id eq 'a' or id eq 'b') and state eq 'active'", `((id eq "a" or id eq "b") and state eq "active")`},
	{"STATE EQ 'active' AND Id GT 'x'", `(state eq "active" and id gt "x")`},
	{"id eq 'it''s (here) and or'", `id eq "it's (here) and or"`},
	{"id eq ''", `id eq ""`},
	{"stateTransitionTime lt DateTime'2024-03-22T19:21:11Z'", `stateTransitionTime lt 2024-03-22T19:21:11Z`},
	{"stateTransitionTime ge datetime'2024-03-22T19:21:11.1234567Z'", `stateTransitionTime ge 2024-03-22T19:21:11.1234567Z`},
	{"stateTransitionTime gt 2024-03-22T19:21:11+01:00", `stateTransitionTime gt 2024-03-22T18:21:11Z`},
	{"stateTransitionTime le '2024-03-22T19:21:11Z'", `stateTransitionTime le 2024-03-22T19:21:11Z`},

	{"state", "error: operator is expected, not the end"},
	{"state eq", "error: the end is not a literal"},
	{"state eq active", "error: not a literal in single quotes"},
	{"state eq 'active", "error: not a quoted literal"},
	{"state eq 'a'b'", "error: not a quoted literal"},
	{"state eq x'active'", "error: not a literal in single quotes"},
	{"state lt 'active'", "error: state has no order"},
	{"state like 'active'", "error: operator is expected"},
	{"colour eq 'red'", "error: \"colour\" is not a property"},
	{"state eq 'active' state", "error: \"state\" is not expected"},
	{"state eq 'active')", "error: \")\" is not expected"},
	{"(state eq 'active'", "error: closing parenthesis is missing"},
	{"()", "error: not a property"},
	{"and", "error: not a property"},
	{"stateTransitionTime lt DateTime'yesterday'", "error: not a DateTime"},
	{"stateTransitionTime lt guid'2024-03-22T19:21:11Z'", "error: not a DateTime"},
	{"startswith(id,'a')", `id startswith "a"`},
	{"StartsWith ( ID , 'it''s, (a)' ) and ready eq True", `(id startswith "it's, (a)" and ready eq true)`},
	{"ready ne false or task/exitCode ge -1", `(ready ne false or task/exitCode ge -1)`},
	{"startswith id,'a'", "error: \"(\" is expected, not \"id\""},
	{"startswith(id 'a')", "error: \",\" is expected"},
	{"startswith(id,'a'", "error: \")\" is expected, not the end"},
	{"startswith(state,'a')", "error: startswith is not supported for state"},
	{"startswith(colour,'a')", "error: \"colour\" is not a property"},
	{"startswith(id,a)", "error: not a literal in single quotes"},
	{"ready eq 1", "error: neither true nor false"},
	{"ready eq 'true'", "error: neither true nor false"},
	{"ready gt true", "error: ready has no order"},
	{"task/exitCode eq '1'", "error: not a whole number"},
	{"task/exitCode eq 1.5", "error: not a whole number"},
	{"id eq 'a', 'b'", "error: \",\" is not expected"},
	{strings.Repeat("(", 17) + "state eq 'a'" + strings.Repeat(")", 17), "error: more than 16 nested"},
	{"state eq 'a'" + strings.Repeat(" or state eq 'a'", 64), "error: more than 64 comparisons"},
	{"state eq '" + strings.Repeat("a", 5000) + "'", "error: longer than 4096 bytes"},
}

var testFields = fields{"id": text, "state": word, "stateTransitionTime": moment, "ready": truth, "task/exitCode": number}

func TestParseFilter(t *testing.T) {
	for _, test := range filterTests {
		f, err := parseFilter(test.source, testFields)
		got := show(f)
		if err != nil {
			got = "error: " + err.Error()
		}
		if want, fails := strings.CutPrefix(test.want, "error: "); fails {
			if err == nil || !strings.Contains(got, want) {
				t.Errorf("%.60q: got %s, want an error with %q", test.source, got, want)
			}
		} else if got != test.want {
			t.Errorf("%.60q: got %s, want %s", test.source, got, test.want)
		}
	}
}

// A filter that parses, written out and parsed again, is the same.
func FuzzFilter(f *testing.F) {
	for _, test := range filterTests {
		f.Add(test.source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		filter, err := parseFilter(source, testFields)
		if err != nil || filter == nil {
			return
		}
		text := odata(filter)
		again, err := parseFilter(text, testFields)
		if len(text) > maxFilterText || err != nil && strings.Contains(err.Error(), "nested") {
			return
		}
		if err != nil || show(again) != show(filter) {
			t.Fatalf("%q became %q: %v", source, text, err)
		}
	})
}

func odata(f *account.Filter) string {
	if f.Left != nil {
		return "(" + odata(f.Left) + " " + string(f.Op) + " " + odata(f.Right) + ")"
	}
	if f.Op == account.StartsWith {
		return "startswith(" + f.Property + ",'" + strings.ReplaceAll(f.Value.(string), "'", "''") + "')"
	}
	value := fmt.Sprint(f.Value)
	switch v := f.Value.(type) {
	case string:
		value = "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case time.Time:
		value = "DateTime'" + v.Format(time.RFC3339Nano) + "'"
	}
	return f.Property + " " + string(f.Op) + " " + value
}
