// Package tomlfile reads configuration files in TOML, strictly: [Decode] refuses a key
// that it does not know, and its errors tell the person who wrote the file the line,
// the key, and what belongs there.
package tomlfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// An Error is what is wrong in a file.
type Error struct {
	Line    int
	Key     string // with the tables it is in, or "" if that is not known
	Unknown bool   // there is no such key
	Syntax  bool   // it is no TOML; Reason may quote the file

	Reason string // for people, without line and key
}

func (e *Error) Error() string {
	switch {
	case e.Unknown:
		return fmt.Sprintf("line %d: unknown key %s", e.Line, e.Key)
	case e.Key == "":
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Key, e.Reason)
}

// Decode reads text into the struct that v points to, over what it holds. Errors are
// of type [*Error].
func Decode(text string, v any) (toml.MetaData, error) {
	var parse toml.ParseError
	if _, err := toml.Decode(text, new(map[string]any)); errors.As(err, &parse) {
		return toml.MetaData{}, &Error{Line: parse.Position.Line, Syntax: true, Reason: parse.Message}
	}
	meta, err := toml.Decode(text, v)
	if err != nil {
		return meta, explain(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return meta, &Error{Line: lineOf(text, unknown[0]), Key: unknown[0].String(), Unknown: true}
	}
	return meta, nil
}

// wrongType is how the library tells of a value of a wrong type. Its test would see
// another one.
var wrongType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^toml: line (\d+) \(last key "([^"]*)"\): (?:incompatible types: TOML value has type (\S+); destination has type (\S+)|type mismatch for \S+: expected (\S+) but found (\S+))$`)
})

// kinds are types by the library's names for them, as they are in a file.
var kinds = map[string]string{
	"string": "a text in quotes", "integer": "a whole number", "int64": "a number", "float": "a number", "float64": "a number",
	"boolean": "true or false", "bool": "true or false", "slice": "a list in brackets", "[]any": "a list", "[]map[string]any": "a list of tables",
	"table": "a table", "map": "a table", "map[string]any": "a table", "time.Time": "a time",
}

func kind(name string) string {
	if text := kinds[name]; text != "" {
		return text
	}
	return name
}

// explain says what is wrong in a file that is TOML.
func explain(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) { // of a value that reads itself
		return &Error{Line: parse.Position.Line, Key: parse.LastKey, Reason: strings.TrimPrefix(parse.Message, "slog: ")}
	}
	if m := wrongType().FindStringSubmatch(err.Error()); m != nil {
		e := &Error{Key: m[2], Reason: fmt.Sprintf("want %s, and it is %s", kind(m[4]+m[5]), kind(m[3]+m[6]))}
		fmt.Sscan(m[1], &e.Line)
		return e
	}
	return &Error{Line: 1, Reason: strings.TrimPrefix(err.Error(), "toml: ")}
}

// LineOf finds the line of the i-th table of an array of tables.
func LineOf(text, table string, i int) int {
	header := regexp.MustCompile(`^\s*\[\[\s*` + table + `\s*\]\]`)
	for n, line := range strings.Split(text, "\n") {
		if header.MatchString(line) {
			if i--; i < 0 {
				return n + 1
			}
		}
	}
	return lineOf(text, toml.Key{table}) // written as one value
}

// lineOf finds the line of a key. The library knows, but does not tell.
func lineOf(text string, key toml.Key) int {
	table := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if header, ok := strings.CutPrefix(line, "["); ok {
			header, _, _ = strings.Cut(strings.TrimPrefix(header, "["), "]")
			table = strings.TrimSpace(header) + "."
			if strings.HasPrefix(table, key.String()+".") {
				return i + 1
			}
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if full := table + strings.TrimSpace(name); ok && (full == key.String() || strings.HasPrefix(key.String(), full+".")) {
			return i + 1
		}
	}
	return 1
}
