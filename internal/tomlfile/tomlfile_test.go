package tomlfile_test

import (
	"errors"
	"testing"
	"time"

	"poolcert/internal/tomlfile"
)

type file struct {
	Number  int           `toml:"number"`
	Text    string        `toml:"text"`
	List    []string      `toml:"list"`
	Switch  bool          `toml:"switch"`
	Wait    time.Duration `toml:"wait"`
	Level   level         `toml:"level"`
	Table   table         `toml:"table"`
	Tables  []table       `toml:"tables"`
	Pointer *table        `toml:"pointer"`
}

type table struct {
	Text  string `toml:"text"`
	Inner struct {
		Level level `toml:"level"`
	} `toml:"inner"`
}

type level string

func (l *level) UnmarshalText(text []byte) error {
	if *l = level(text); *l != "high" {
		return errors.New("want high")
	}
	return nil
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"number = 5\n[table]\ntext = 'x'\n[table.inner]\nlevel = 'high'": "",

		"number = 'x'":                 "line 1: number: want a whole number, and it is a text in quotes",
		"\nnumber = 1.5":               "line 2: number: want a whole number, and it is a number",
		"text = 5":                     "line 1: text: want a text in quotes, and it is a number",
		"text = true":                  "line 1: text: want a text in quotes, and it is true or false",
		"text = ['x']":                 "line 1: text: want a text in quotes, and it is a list",
		"text = { a = 1 }":             "line 1: text: want a text in quotes, and it is a table",
		"text = 2026-11-23":            "line 1: text: want a text in quotes, and it is a time",
		"list = 'x'":                   "line 1: list: want a list in brackets, and it is a text in quotes",
		"list = [1]":                   "line 1: list: want a text in quotes, and it is a number",
		"switch = 'no'":                "line 1: switch: want true or false, and it is a text in quotes",
		"table = 'x'":                  "line 1: table: want a table, and it is a text in quotes",
		"pointer = 1":                  "line 1: pointer: want a table, and it is a number",
		"tables = 1":                   "line 1: tables: want a list in brackets, and it is a number",
		"[[tables]]\ntext = 1":         "line 2: tables.text: want a text in quotes, and it is a number",
		"wait = 'soon'":                `line 1: wait: invalid duration: "soon"`,
		"level = 'low'":                "line 1: level: want high",
		"[table.inner]\nlevel = 'low'": "line 2: table.inner.level: want high",
		"[table]\ntext = 5":            "line 2: table.text: want a text in quotes, and it is a number",
		"number = 1\nnumbr = 2":        "line 2: unknown key numbr",
		"[table]\ntxt = 1":             "line 2: unknown key table.txt",
		"[tabel]\ntext = 1":            "line 1: unknown key tabel",
		"# x\ntable = { txt = 1 }":     "line 2: unknown key table.txt",
		"text = 'x'\ntext = 'y'":       "line 2: Key 'text' has already been defined.",
		"number = \n":                  "line 1: expected value but found '\\n' instead",
	} {
		_, err := tomlfile.Decode(text, new(file))
		var e *tomlfile.Error
		switch {
		case want == "" && err != nil, want != "" && !errors.As(err, &e):
			t.Errorf("%q: error %v", text, err)
		case want != "" && err.Error() != want:
			t.Errorf("%q:\n got %s\nwant %s", text, err, want)
		}
	}
}

// A caller may keep what a file holds to itself.
func TestSyntax(t *testing.T) {
	for text, want := range map[string]bool{"key = secret": true, "text = 5": false, "wait = 'x'": false, "txt = 1": false} {
		_, err := tomlfile.Decode(text, new(file))
		var e *tomlfile.Error
		if !errors.As(err, &e) || e.Syntax != want {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

func TestLineOf(t *testing.T) {
	for text, want := range map[string]int{
		"[[tables]]\n\n [[ tables ]] # two\n": 3,
		"\ntables = [{}, {}]\n":               2,
	} {
		if got := tomlfile.LineOf(text, "tables", 1); got != want {
			t.Errorf("%q: line %d, want %d", text, got, want)
		}
	}
}
