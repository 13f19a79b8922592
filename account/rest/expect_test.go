package rest_test

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	uuid     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	variable = regexp.MustCompile(`\$\{([^}]+)\}`)
	patterns = map[string]*regexp.Regexp{
		"<time>":      regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z$`),
		"<http-time>": regexp.MustCompile(`^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$`),
		"<etag>":      regexp.MustCompile(`^0x[0-9A-F]+$`),
		"<uuid>":      uuid,
		"<text>":      regexp.MustCompile(`.`),
	}
)

func (s *story) expand(text string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		value, ok := s.vars[m[2:len(m)-1]]
		if !ok {
			s.t.Fatalf("unknown variable %s", m)
		}
		return value
	})
}

// like compares text with an expectation: a pattern, <save NAME> for anything, to
// be used later as ${NAME}, <contains TEXT>, or the text itself.
func (s *story) like(got, want string) bool {
	if p, ok := patterns[want]; ok {
		return p.MatchString(got)
	}
	if name, ok := strings.CutPrefix(want, "<save "); ok {
		s.vars[strings.TrimSuffix(name, ">")] = got
		return got != ""
	}
	if part, ok := strings.CutPrefix(want, "<contains "); ok {
		return strings.Contains(got, s.expand(strings.TrimSuffix(part, ">")))
	}
	return got == s.expand(want)
}

// compare returns the first difference. The message of an error is compared with
// its text alone.
func (s *story) compare(path string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			return path + " is not an object"
		}
		for name := range have {
			if _, ok := want[name]; !ok {
				return fmt.Sprintf("%s.%s was not expected: %v", path, name, have[name])
			}
		}
		for name, value := range want {
			if _, ok := have[name]; !ok {
				return path + "." + name + " is missing"
			}
			if problem := s.compare(path+"."+name, have[name], value); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return fmt.Sprintf("%s: got %d elements, want %d", path, len(have), len(want))
		}
		for i := range want {
			if problem := s.compare(fmt.Sprintf("%s[%d]", path, i), have[i], want[i]); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		if want == "<any>" {
			return ""
		}
		if want == "<message>" {
			return checkMessage(path, got)
		}
		if have, ok := got.(string); ok && s.like(have, want) {
			return ""
		}
		return fmt.Sprintf("%s: got %q, want %s", path, got, s.expand(want))
	}
	if got != want {
		return fmt.Sprintf("%s: got %v, want %v", path, got, want)
	}
	return ""
}

var messageForm = regexp.MustCompile(`(?s)^.+\.\nRequestId:[0-9a-f-]{36}\nTime:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$`)

func checkMessage(path string, got any) string {
	message, _ := got.(map[string]any)
	value, _ := message["value"].(string)
	if len(message) != 2 || message["lang"] != "en-US" || !messageForm.MatchString(value) {
		return fmt.Sprintf("%s: %v is not in the form of a message", path, got)
	}
	return ""
}
