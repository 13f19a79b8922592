package request

// An Observer hears of requests. Its methods are safe for concurrent use, and
// must not keep the call, which goes on to change.
type Observer interface {
	// Begin is called before an audited operation runs: it knows who asks for which
	// operation, and not yet for all of its parts. An error means that the operation
	// must not run now; it is answered as busy.
	Begin(*Call) error

	// End is called once for each request, when all of it is known.
	End(*Call)
}

// Observers is an observer that tells several, in their order.
type Observers []Observer

// Begin returns the first error; those after it hear nothing.
func (all Observers) Begin(c *Call) error {
	for _, o := range all {
		if err := o.Begin(c); err != nil {
			return err
		}
	}
	return nil
}

// End implements [Observer].
func (all Observers) End(c *Call) {
	for _, o := range all {
		o.End(c)
	}
}
