package batch

import "time"

// timeFormat is UTC with up to seven fractional digits, trailing zeros dropped
// (reference section 2.5).
const timeFormat = "2006-01-02T15:04:05.9999999Z"

// A Time is a moment in the API's wire form. Its resolution is 100 ns.
type Time struct{ time.Time }

// TimeOf returns t in UTC, cut to the resolution of the API.
func TimeOf(t time.Time) Time { return Time{t.UTC().Truncate(100 * time.Nanosecond)} }

// String returns the wire form, such as 2024-05-01T10:00:00.12Z.
func (t Time) String() string { return t.UTC().Format(timeFormat) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON implements [encoding/json.Marshaler]. It hides the method of the embedded
// time.Time, which writes another form.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalText parses RFC 3339 text.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return err
	}
	*t = TimeOf(parsed)
	return nil
}

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return &time.ParseError{Layout: timeFormat, Value: clip(string(data), 40), Message: ": not a string"}
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}
