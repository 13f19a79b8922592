package db

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

// A Filter selects rows. With And and Or it has Left and Right, else a Property
// by the API's name and a Value.
type Filter struct {
	Op          Op
	Left, Right *Filter
	Property    string
	Value       any // string or time.Time
}
