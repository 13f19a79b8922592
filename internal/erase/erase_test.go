package erase

import (
	"errors"
	"testing"
)

func TestDo(t *testing.T) {
	var got string
	func() {
		defer func() {
			if err, _ := recover().(error); err == nil || err.Error() != "of f" {
				t.Errorf("recovered %v, want the panic of f", err)
			}
		}()
		Do(func() {
			got = "called"
			panic(errors.New("of f"))
		})
	}()
	if got != "called" {
		t.Error("f was not called")
	}
	Collect()
}
