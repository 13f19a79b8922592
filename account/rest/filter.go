package rest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolcert/account"
	"poolcert/account/db"
)

// Limits of a $filter.
const (
	maxFilterText  = 4 << 10 // bytes
	maxFilterTerms = 64      // comparisons
	maxFilterDepth = 16      // parentheses
)

// A kind says which literals and operators a property takes in a filter.
type kind int

const (
	word   kind = iota // eq, ne; compared in lower case, as enum values are
	text               // any operator, startswith
	moment             // any operator, DateTime
	truth              // eq, ne; true or false
	number             // any operator, a whole number
)

// fields are the properties that a list can be filtered by.
type fields map[string]kind

// parseFilter parses an OData filter: comparisons of a property with a literal,
// and startswith(property, literal), joined by and, or and parentheses. The empty
// text is no filter.
func parseFilter(source string, f fields) (*account.Filter, error) {
	if strings.TrimSpace(source) == "" {
		return nil, nil
	}
	if len(source) > maxFilterText {
		return nil, badParam("$filter", source, fmt.Sprintf("it is longer than %d bytes", maxFilterText))
	}
	p := filterParser{rest: source, fields: f}
	p.next()
	filter, err := p.or(0)
	if err == nil && p.token != "" {
		err = fmt.Errorf("%s is not expected", quote(p.token))
	}
	if err != nil {
		return nil, badParam("$filter", source, err.Error())
	}
	return filter, nil
}

type filterParser struct {
	rest   string
	token  string // the one to look at; empty at the end
	terms  int
	fields fields
}

// next moves to the next token: a parenthesis, a comma, a quoted literal with its
// prefix, or a word.
func (p *filterParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	end := 0
	for quoted := false; end < len(p.rest); end++ {
		b := p.rest[end]
		if b == '\'' {
			quoted = !quoted // a doubled quote opens again at once
			continue
		}
		if !quoted && strings.IndexByte(" \t\r\n(),", b) >= 0 {
			if end == 0 { // a parenthesis or a comma
				end = 1
			}
			break
		}
	}
	p.token, p.rest = p.rest[:end], p.rest[end:]
}

func (p *filterParser) or(depth int) (*account.Filter, error) {
	return p.chain(account.Or, func() (*account.Filter, error) {
		return p.chain(account.And, func() (*account.Filter, error) { return p.primary(depth) })
	})
}

// chain parses operands joined by op.
func (p *filterParser) chain(op db.Op, operand func() (*account.Filter, error)) (*account.Filter, error) {
	left, err := operand()
	for err == nil && strings.EqualFold(p.token, string(op)) {
		p.next()
		var right *account.Filter
		right, err = operand()
		left = &account.Filter{Op: op, Left: left, Right: right}
	}
	return left, err
}

func (p *filterParser) primary(depth int) (*account.Filter, error) {
	if p.token != "(" {
		return p.comparison()
	}
	if depth == maxFilterDepth {
		return nil, fmt.Errorf("more than %d nested parentheses", maxFilterDepth)
	}
	p.next()
	filter, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.token != ")" {
		return nil, fmt.Errorf("a closing parenthesis is missing")
	}
	p.next()
	return filter, nil
}

var comparisons = []db.Op{account.EQ, account.NE, account.GT, account.GE, account.LT, account.LE}

func (p *filterParser) comparison() (*account.Filter, error) {
	if p.terms++; p.terms > maxFilterTerms {
		return nil, fmt.Errorf("more than %d comparisons", maxFilterTerms)
	}
	if strings.EqualFold(p.token, string(account.StartsWith)) {
		return p.startsWith()
	}
	property, kind, err := p.property()
	if err != nil {
		return nil, err
	}
	op := db.Op(strings.ToLower(p.token))
	if !slices.Contains(comparisons, op) {
		return nil, fmt.Errorf("after %s an operator is expected, not %s", property, quote(p.token))
	}
	if (kind == word || kind == truth) && op != account.EQ && op != account.NE {
		return nil, fmt.Errorf("%s has no order: only eq and ne are supported", property)
	}
	p.next()
	value, err := literal(p.token, kind)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %v", property, op, err)
	}
	p.next()
	return &account.Filter{Op: op, Property: property, Value: value}, nil
}

// startsWith parses startswith(property, literal).
func (p *filterParser) startsWith() (*account.Filter, error) {
	p.next()
	if err := p.expect("("); err != nil {
		return nil, err
	}
	property, kind, err := p.property()
	if err != nil {
		return nil, err
	}
	if kind != text {
		return nil, fmt.Errorf("startswith is not supported for %s", property)
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	value, err := literal(p.token, kind)
	if err != nil {
		return nil, fmt.Errorf("startswith %s: %v", property, err)
	}
	p.next()
	return &account.Filter{Op: account.StartsWith, Property: property, Value: value}, p.expect(")")
}

func (p *filterParser) expect(token string) error {
	if p.token != token {
		return fmt.Errorf("%q is expected, not %s", token, quote(p.token))
	}
	p.next()
	return nil
}

func (p *filterParser) property() (string, kind, error) {
	property, kind, ok := p.fields.find(p.token)
	if !ok {
		return "", 0, fmt.Errorf("%s is not a property to filter by", quote(p.token))
	}
	p.next()
	return property, kind, nil
}

func (f fields) find(name string) (string, kind, bool) {
	for property, kind := range f {
		if strings.EqualFold(property, name) {
			return property, kind, true
		}
	}
	return "", 0, false
}

// literal reads true, a whole number, 'text', or, for times,
// DateTime'2024-03-22T19:21:11Z' or the bare time.
func literal(token string, kind kind) (any, error) {
	switch kind {
	case truth:
		switch {
		case strings.EqualFold(token, "true"):
			return true, nil
		case strings.EqualFold(token, "false"):
			return false, nil
		}
		return nil, fmt.Errorf("%s is neither true nor false", quote(token))
	case number:
		n, err := strconv.ParseInt(token, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number", quote(token))
		}
		return n, nil
	}
	prefix, rest, quoted, err := unquote(token)
	switch {
	case err != nil:
		return nil, err
	case kind == moment:
		return parseMoment(token, prefix, rest)
	case !quoted || prefix != "":
		return nil, fmt.Errorf("%s is not a literal in single quotes", quote(token))
	case kind == word:
		return strings.ToLower(rest), nil
	}
	return rest, nil
}

// unquote takes a quoted literal apart; without quotes all of it is rest.
func unquote(token string) (prefix, rest string, quoted bool, err error) {
	prefix, rest, quoted = strings.Cut(token, "'")
	if !quoted {
		return "", token, false, nil
	}
	rest, closed := strings.CutSuffix(rest, "'")
	if !closed || strings.Contains(strings.ReplaceAll(rest, "''", ""), "'") {
		return "", "", false, fmt.Errorf("%s is not a quoted literal", quote(token))
	}
	return prefix, strings.ReplaceAll(rest, "''", "'"), true, nil
}

func parseMoment(token, prefix, text string) (time.Time, error) {
	if prefix != "" && !strings.EqualFold(prefix, "datetime") && !strings.EqualFold(prefix, "datetimeoffset") {
		return time.Time{}, fmt.Errorf("%s is not a DateTime", quote(token))
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil {
		return t, fmt.Errorf("%s is not a DateTime such as DateTime'2024-03-22T19:21:11Z'", quote(token))
	}
	return t.UTC(), nil
}

// quote shows a token in a reason; at the end of the text there is none.
func quote(token string) string {
	if token == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", clip(token, 40))
}
