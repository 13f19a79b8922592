package db

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An Op is an operator of a [Filter].
type Op string

// The operators: And and Or join two filters, the others compare a property with
// a value.
const (
	And Op = "and"
	Or  Op = "or"
	EQ  Op = "eq"
	NE  Op = "ne"
	LT  Op = "lt"
	LE  Op = "le"
	GT  Op = "gt"
	GE  Op = "ge"
)

var comparisons = map[Op]string{EQ: "=", NE: "<>", LT: "<", LE: "<=", GT: ">", GE: ">="}

// A Filter selects rows. With And and Or it has Left and Right, else a Property
// by the API's name and a Value. Text is compared without regard to letter case.
type Filter struct {
	Op          Op
	Left, Right *Filter
	Property    string
	Value       any // string or time.Time
}

// ErrFilter is wrapped by errors about a filter: an unknown property or operator,
// a value of the wrong type, or too many terms.
var ErrFilter = errors.New("filter")

// maxTerms is far below what SQLite's parser takes.
const maxTerms = 100

// A property is a column that filters may compare; its expression is ours, and
// text in it is in lower case.
type property struct {
	expr string
	time bool
}

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
		return fmt.Errorf("more than %d terms", maxTerms)
	}
	if f.Op == And || f.Op == Or {
		return c.join(f)
	}
	op, ok := comparisons[f.Op]
	if !ok {
		return fmt.Errorf("unknown operator %q", f.Op)
	}
	p, ok := c.properties[f.Property]
	if !ok {
		return fmt.Errorf("the property %q can't be filtered by", f.Property)
	}
	c.text.WriteString(p.expr + " " + op + " ?")
	switch v := f.Value.(type) {
	case string:
		c.args = append(c.args, strings.ToLower(v))
		ok = !p.time
	case time.Time:
		c.args = append(c.args, nanos(v))
		ok = p.time
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("the property %q has another type", f.Property)
	}
	return nil
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
