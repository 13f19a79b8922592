package db

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Op is an operator of a [Filter].
type Op string

// The operators: And and Or join two filters, the others compare a property with
// a value.
const (
	And        Op = "and"
	Or         Op = "or"
	EQ         Op = "eq"
	NE         Op = "ne"
	LT         Op = "lt"
	LE         Op = "le"
	GT         Op = "gt"
	GE         Op = "ge"
	StartsWith Op = "startswith" // text only
)

// To differ from a value is true of a property that is absent; all else is false.
var comparisons = map[Op]string{EQ: "=", NE: "IS DISTINCT FROM", LT: "<", LE: "<=", GT: ">", GE: ">="}

// A Filter selects rows. With And and Or it has Left and Right, else a Property
// by the API's name and a Value. Text is compared without regard to letter case.
type Filter struct {
	Op          Op
	Left, Right *Filter
	Property    string
	Value       any // string, time.Time, bool or int64
}

// ErrFilter is wrapped by errors about a filter: an unknown property or operator,
// a value of the wrong type, or more than 64 comparisons.
var ErrFilter = errors.New("filter")

// Of comparisons, and of these with what joins them: far below what SQLite's parser
// takes.
const (
	maxComparisons = 64
	maxTerms       = 2*maxComparisons - 1
)

// A property is what filters may compare: an expression of ours, and the type of
// its values. Text is in lower case, a time is in nanoseconds, a truth is the
// text true or false.
type property struct {
	expr string
	kind kind
}

type kind int

const (
	isText kind = iota
	isTime
	isBool
	isInt
)

// The expressions of properties that no row has.
const (
	absentText   = "CAST(NULL AS TEXT)"
	absentNumber = "CAST(NULL AS BIGINT)"
)

// where returns the condition for a filter, nil included, and its parameters.
func (f *Filter) where(properties map[string]property) (string, []any, error) {
	if f == nil {
		return "1 = 1", nil, nil
	}
	c := condition{properties: properties}
	if err := c.add(f); err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrFilter, err)
	}
	return c.text.String(), c.args, nil
}

type condition struct {
	properties map[string]property
	text       strings.Builder
	args       []any
	terms      int
}

func (c *condition) add(f *Filter) error {
	if c.terms++; c.terms > maxTerms {
		return fmt.Errorf("more than %d comparisons", maxComparisons)
	}
	if f.Op == And || f.Op == Or {
		return c.join(f)
	}
	p, ok := c.properties[f.Property]
	if !ok {
		return fmt.Errorf("the property %q can't be filtered by", f.Property)
	}
	value, kind := parameter(f.Value)
	if kind != p.kind {
		return fmt.Errorf("the property %q has another type", f.Property)
	}
	if f.Op == StartsWith && kind == isText {
		c.text.WriteString("substr(" + p.expr + ", 1, length(?)) = ?")
		c.args = append(c.args, value, value)
		return nil
	}
	op, ok := comparisons[f.Op]
	if !ok {
		return fmt.Errorf("the operator %q is not for the property %q", f.Op, f.Property)
	}
	c.text.WriteString(p.expr + " " + op + " ?")
	c.args = append(c.args, value)
	return nil
}

// parameter returns a value as the database knows it.
func parameter(value any) (any, kind) {
	switch v := value.(type) {
	case string:
		return strings.ToLower(v), isText
	case time.Time:
		return nanos(v), isTime
	case bool:
		return strconv.FormatBool(v), isBool
	case int64:
		return v, isInt
	}
	return nil, -1
}

func (c *condition) join(f *Filter) error {
	if f.Left == nil || f.Right == nil {
		return fmt.Errorf("%q joins two terms", f.Op)
	}
	c.text.WriteByte('(')
	if err := c.add(f.Left); err != nil {
		return err
	}
	c.text.WriteString(" " + string(f.Op) + " ")
	if err := c.add(f.Right); err != nil {
		return err
	}
	c.text.WriteByte(')')
	return nil
}
